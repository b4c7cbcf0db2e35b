#include "plugins/docker/service/server_roots.hpp"
#include "tests/support/support.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

using namespace agenthost::docker;
using namespace agenthost::docker::service;
using agenthost::test::TempDir;
using agenthost::test::wait_for;
using agenthost::test::write_file;

namespace {

class Roots : public testing::Test {
protected:
    void SetUp() override
    {
        policy_.data_dir = dir_.path().string();
        policy_.uid = ::geteuid();
        policy_.gid = ::getegid();
    }
    FileScope scope(const std::string& id, std::uint64_t max = 0) const { return {policy_, id, max, {}}; }
    // Of a server whose folder exists.
    DiskUse counted(ServerRoots& roots, const FileScope& of)
    {
        std::optional<DiskUse> use;
        EXPECT_TRUE(wait_for([&] { return (use = roots.usage(of)).has_value(); }));
        return use.value_or(DiskUse{});
    }

    TempDir dir_;
    NodePolicy policy_;
    ServerRoots roots_;
};

TEST_F(Roots, CountWhatAServersFolderHoldsInTheBackground)
{
    std::filesystem::create_directories(dir_ / "s1/world");
    write_file(dir_ / "s1/world/region", std::string(3 << 20, 'x'));
    const DiskUse use = counted(roots_, scope("s1", 5 << 20));
    EXPECT_GE(use.used, 3u << 20);
    EXPECT_LT(use.used, 4u << 20);
    EXPECT_EQ(use.max, 5u << 20);
}

TEST_F(Roots, RemoveWhatACrashedAgentLeftUnfinishedAtTheFirstCount)
{
    std::filesystem::create_directories(dir_ / "s1/world");
    const auto left = dir_ / "s1/world/.agenthost-0badc0de-1.part";
    write_file(left, "half");
    write_file(dir_ / "s1/world/region", "whole");
    roots_.root(scope("s1")); // an action came first
    counted(roots_, scope("s1"));
    EXPECT_FALSE(std::filesystem::exists(left));
    EXPECT_TRUE(std::filesystem::exists(dir_ / "s1/world/region"));
}

TEST_F(Roots, MakeNoFolderForAQuestion)
{
    EXPECT_FALSE(roots_.usage(scope("s1")));
    std::filesystem::create_directories(dir_ / "s2");
    counted(roots_, scope("s2")); // the earlier question was handled first
    EXPECT_FALSE(std::filesystem::exists(dir_ / "s1"));
    EXPECT_FALSE(roots_.usage(scope("s1")));
}

TEST_F(Roots, ForgetADeletedServer)
{
    std::filesystem::create_directories(dir_ / "s1");
    write_file(dir_ / "s1/file", std::string(1 << 20, 'x'));
    EXPECT_GE(counted(roots_, scope("s1")).used, 1u << 20);
    std::filesystem::remove_all(dir_ / "s1");
    roots_.forget("s1");
    EXPECT_FALSE(roots_.usage(scope("s1")));
    std::filesystem::create_directories(dir_ / "s1");
    EXPECT_LT(counted(roots_, scope("s1")).used, 1u << 20) << "another server of the same name";
}

TEST_F(Roots, ShareOneRootBetweenActions)
{
    EXPECT_EQ(roots_.root(scope("s1")), roots_.root(scope("s1")));
    EXPECT_TRUE(std::filesystem::is_directory(dir_ / "s1"));
}

TEST_F(Roots, TakeTheDenylistOfTheServersEgg)
{
    FileScope asked = scope("s1");
    asked.denylist = {"secret.yml"};
    const auto denying = roots_.root(asked);
    EXPECT_TRUE(denying->denylist().covers("a/secret.yml"));
    EXPECT_EQ(roots_.root(asked), denying);
    asked.denylist = {};
    const auto open = roots_.root(asked);
    EXPECT_FALSE(open->denylist().covers("a/secret.yml")) << "the egg has changed";
    EXPECT_TRUE(denying->denylist().covers("a/secret.yml")) << "for what is still running";
    EXPECT_EQ(&open->limit(), &denying->limit());
}

} // namespace
