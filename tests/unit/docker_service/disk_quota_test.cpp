// Disk limits by project quota, and without one. Where the kernel has no quotas, the tests of class
// QuotaRoots need tests/support/on_quota_kernel.
#include "plugins/docker/files/write.hpp"
#include "plugins/docker/service/server_roots.hpp"
#include "tests/support/quota_disk.hpp"
#include "tests/support/support.hpp"

#include <agenthost/error.hpp>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <map>
#include <stdexcept>

using namespace agenthost::docker;
using namespace agenthost::docker::service;
using namespace agenthost::test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t mebibyte = 1 << 20;
constexpr std::uint32_t first = default_first_project;

// What the service would store and log.
struct Node {
    std::mutex mutex;
    std::map<std::string, std::uint32_t> kept;
    std::vector<std::string> log;
    std::vector<std::pair<bool, std::string>> counts;
    bool store_fails = false;
    std::string lists = "/nonexistent";
    std::uint32_t first_project = first;

    DiskQuotas::Options options()
    {
        return {.first_project = first_project,
                .lists = lists,
                .keep =
                    [this](const std::string& server, std::uint32_t project) {
                        const std::scoped_lock lock{mutex};
                        if (store_fails) throw std::runtime_error{"the store is full"};
                        kept[server] = project;
                    },
                .log =
                    [this](agenthost::Level, const std::string& text) {
                        const std::scoped_lock lock{mutex};
                        log.push_back(text);
                    },
                .counts =
                    [this](bool kernel, const std::string& why) {
                        const std::scoped_lock lock{mutex};
                        counts.emplace_back(kernel, why);
                    }};
    }
    std::vector<std::string> told()
    {
        const std::scoped_lock lock{mutex};
        return log;
    }
};

// A server's files on any disk, and what happens to them.
class DiskLimits : public testing::Test {
protected:
    void SetUp() override
    {
        policy_.data_dir = (dir_ / "disk/servers").string();
        policy_.uid = ::geteuid();
        policy_.gid = ::getegid();
    }
    FileScope scope(const std::string& id, std::uint64_t max = 4 * mebibyte) const
    {
        return {policy_, id, max, {}};
    }
    [[nodiscard]] fs::path folder(const std::string& id) const { return fs::path{policy_.data_dir} / id; }
    // As soon as `is` holds for the count.
    DiskUse counted(ServerRoots& roots, const FileScope& of, const std::function<bool(const DiskUse&)>& is)
    {
        DiskUse last;
        EXPECT_TRUE(wait_for([&] {
            const auto use = roots.usage(of);
            if (use) last = *use;
            return use && is(*use);
        }));
        return last;
    }
    static std::string write(ServerRoots& roots, const FileScope& to, const char* name, std::size_t size)
    {
        try {
            files::write_file(*roots.root(to), files::Path::parse(name), std::string(size, 'x'), {});
            return {};
        } catch (const agenthost::Error& e) {
            return e.code();
        }
    }

    TempDir dir_;
    NodePolicy policy_;
    Node node_;
};

TEST_F(DiskLimits, AreCountedByTheAgentWithoutQuotasAndPeopleAreToldOnce)
{
    fs::create_directories(folder("s1"));
    write_file(folder("s1") / "world", std::string(3 * mebibyte, 'x'));
    fs::create_directories(folder("s2"));
    ServerRoots roots{node_.options()};
    roots.adopt(policy_.data_dir, {scope("s1"), scope("s2")});
    for (const char* id : {"s1", "s2"}) {
        roots.prepare(scope(id));
        const DiskUse use = counted(roots, scope(id), [](const DiskUse&) { return true; });
        if (use.exact) GTEST_SKIP() << "the temporary folder has project quotas";
        EXPECT_EQ(use.max, 4 * mebibyte);
    }
    EXPECT_EQ(write(roots, scope("s1"), "more", 2 * mebibyte), "DISK_FULL");
    EXPECT_EQ(write(roots, scope("s2"), "more", 2 * mebibyte), "");
    EXPECT_THAT(node_.kept, IsEmpty());
    const auto told = node_.told();
    ASSERT_EQ(told.size(), 1u);
    EXPECT_THAT(told[0], HasSubstr("the agent counts the disk limits of servers by walks"));
    EXPECT_THAT(told[0], HasSubstr("prjquota"));
    EXPECT_EQ(told[0].find("Run it as root") != std::string::npos, ::geteuid() != 0) << told[0];
    ASSERT_EQ(node_.counts.size(), 1u);
    EXPECT_FALSE(node_.counts[0].first);
    EXPECT_THAT(node_.counts[0].second, HasSubstr("prjquota"));
    fs::remove_all(folder("s1"));
    roots.end(scope("s1"));
    roots.forget("s1");
    EXPECT_EQ(node_.told().size(), 1u);
}

TEST_F(DiskLimits, ChangeWithTheServerAlsoWithoutQuotas)
{
    fs::create_directories(folder("s1"));
    node_.first_project = 0;
    ServerRoots roots{node_.options()};
    EXPECT_EQ(write(roots, scope("s1", mebibyte), "a", 2 * mebibyte), "DISK_FULL");
    EXPECT_EQ(write(roots, scope("s1", 4 * mebibyte), "a", 2 * mebibyte), "");
    EXPECT_EQ(counted(roots, scope("s1", 8 * mebibyte), [](const DiskUse&) { return true; }).max,
              8 * mebibyte);
    EXPECT_THAT(node_.told(), ElementsAre(HasSubstr("quota_first_project is 0")));
}

class QuotaRoots : public DiskLimits {
protected:
    void SetUp() override
    {
        DiskLimits::SetUp();
        if (!disk_.missing().empty()) GTEST_SKIP() << disk_.missing();
        fs::create_directories(policy_.data_dir);
    }
    void TearDown() override { EXPECT_TRUE(disk_.unmount()); }

    static agenthost::base::Fd opened(const fs::path& path)
    {
        return agenthost::base::Fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    }
    static std::uint32_t project_of(const fs::path& path)
    {
        return files::ProjectQuota::project_of(opened(path).get()).value_or(0);
    }
    void mark(const fs::path& path, std::uint32_t project)
    {
        const auto fd = opened(path);
        files::ProjectQuota{fd.get(), project}.mark();
    }
    files::ProjectQuota::Numbers kernel(std::uint32_t project) const
    {
        const auto fd = opened(disk_.path());
        return files::ProjectQuota{fd.get(), project}.numbers().value_or(files::ProjectQuota::Numbers{});
    }
    void set_kernel_limit(std::uint32_t project, std::uint64_t bytes)
    {
        const auto fd = opened(disk_.path());
        files::ProjectQuota{fd.get(), project}.set_limit(bytes);
    }
    // A world of a server that ran without quotas.
    void put_world(const std::string& id)
    {
        fs::create_directories(folder(id) / "world/deep");
        write_file(folder(id) / "world/deep/region", std::string(2 * mebibyte, 'x'));
        write_file(folder(id) / "server.properties", "motd=hello");
    }
    // The kernel counts and limits the whole folder in this project.
    void expect_in_force(ServerRoots& roots, const std::string& id, std::uint32_t project)
    {
        const DiskUse use = counted(roots, scope(id), [&](const DiskUse& use) {
            return use.exact && use.used == kernel(project).used;
        });
        EXPECT_GE(use.used, 2 * mebibyte) << id;
        EXPECT_EQ(kernel(project).limit, 4 * mebibyte) << id;
        EXPECT_EQ(project_of(folder(id)), project) << id;
        for (const auto& entry : fs::recursive_directory_iterator{folder(id)})
            EXPECT_EQ(project_of(entry.path()), project) << entry.path();
        EXPECT_EQ(node_.kept[id], project);
        EXPECT_EQ(write(roots, scope(id), "more", 3 * mebibyte), "DISK_FULL") << id;
        EXPECT_EQ(write(roots, scope(id), "fits", mebibyte), "") << id;
        fs::remove(folder(id) / "fits");
    }

    QuotaDisk disk_{dir_ / "disk"};
};

TEST_F(QuotaRoots, GiveAFolderItsLimitBeforeTheFirstFile)
{
    ServerRoots roots{node_.options()};
    const auto root = roots.root(scope("s1"));
    EXPECT_EQ(project_of(folder("s1")), first);
    EXPECT_EQ(kernel(first).limit, 4 * mebibyte);
    EXPECT_THAT(node_.kept, ElementsAre(Pair("s1", first)));
    roots.prepare(scope("s2", 0));
    EXPECT_EQ(project_of(folder("s2")), first + 1);
    EXPECT_EQ(kernel(first + 1).limit, 0u);
    EXPECT_EQ(write(roots, scope("s1"), "a", 3 * mebibyte), "");
    EXPECT_EQ(write(roots, scope("s1"), "b", 2 * mebibyte), "DISK_FULL");
    EXPECT_EQ(write(roots, scope("s2", 0), "b", 8 * mebibyte), "");
    EXPECT_EQ(counted(roots, scope("s2", 0), [](const DiskUse& use) { return use.used > 8 * mebibyte; }).used,
              kernel(first + 1).used);
    roots.adopt(policy_.data_dir, {});
    EXPECT_TRUE(wait_for([&] { return !node_.told().empty(); }));
    EXPECT_THAT(node_.told(), ElementsAre(HasSubstr("the kernel counts and enforces")));
}

TEST_F(QuotaRoots, LeaveOutTheProjectsOfOtherPrograms)
{
    write_file(dir_ / "projid", "backup:" + std::to_string(first) + "\n");
    node_.lists = dir_.path().string();
    fs::create_directory(dir_ / "disk/web");
    mark(dir_ / "disk/web", first + 1); // another agent's
    set_kernel_limit(first + 2, mebibyte);
    ServerRoots roots{node_.options()};
    roots.prepare(scope("s1"));
    EXPECT_EQ(project_of(folder("s1")), first + 3);
}

TEST_F(QuotaRoots, AdoptWhatWasThereBeforeAtTheStart)
{
    for (const char* id : {"s1", "s2"}) put_world(id);
    fs::create_symlink("/etc/passwd", folder("s1") / "link");
    fs::remove(folder("s1") / "link"); // the walk of expect_in_force opens every file
    ServerRoots roots{node_.options()};
    roots.adopt(policy_.data_dir, {scope("s1"), scope("s2"), scope("gone")});
    EXPECT_TRUE(wait_for([&] { return kernel(first).limit > 0 && kernel(first + 1).limit > 0; }));
    expect_in_force(roots, "s1", first);
    expect_in_force(roots, "s2", first + 1);
    EXPECT_FALSE(fs::exists(folder("gone")));
}

TEST_F(QuotaRoots, AdoptAFolderThatIsOverItsLimit)
{
    put_world("s1");
    ServerRoots roots{node_.options()};
    roots.adopt(policy_.data_dir, {scope("s1", mebibyte)});
    const DiskUse use = counted(roots, scope("s1", mebibyte), [](const DiskUse& use) { return use.exact; });
    EXPECT_GE(use.used, 2 * mebibyte);
    EXPECT_EQ(kernel(first).limit, mebibyte);
    EXPECT_EQ(write(roots, scope("s1", mebibyte), "a", 1), "DISK_FULL");
}

// What an agent leaves that is killed at any moment of its adoption.
TEST_F(QuotaRoots, HealAfterAKillAtEveryStep)
{
    enum { stored_only, stored_and_marked, some_contents, all_contents, marked_and_store_lost, steps };
    for (int step = stored_only; step < steps; ++step) {
        SCOPED_TRACE(step);
        const std::string id = "s" + std::to_string(step);
        const auto project = first + 10 + static_cast<std::uint32_t>(step);
        put_world(id);
        if (step >= stored_and_marked) mark(folder(id), project);
        if (step >= some_contents) mark(folder(id) / "world", project);
        if (step >= all_contents) {
            const auto fd = opened(folder(id));
            files::Control control;
            EXPECT_EQ((files::ProjectQuota{fd.get(), project}.mark_contents(control)), 0u);
        }
        ServerRoots roots{node_.options()};
        if (step != marked_and_store_lost) roots.restore(id, project);
        roots.adopt(policy_.data_dir, {scope(id)});
        expect_in_force(roots, id, project);
    }
    ServerRoots again{node_.options()};
    for (const auto& [id, project] : node_.kept) again.restore(id, project);
    again.adopt(policy_.data_dir, {scope("s0")});
    expect_in_force(again, "s0", first + 10);
}

TEST_F(QuotaRoots, GiveACopyOfAnotherServersFolderAProjectOfItsOwn)
{
    put_world("s2");
    ServerRoots roots{node_.options()};
    roots.restore("s1", first);
    mark(folder("s2"), first);
    mark(folder("s2") / "world", first);
    roots.adopt(policy_.data_dir, {scope("s2")});
    expect_in_force(roots, "s2", first + 1);
}

TEST_F(QuotaRoots, LeaveAFolderInTheProjectOfAnotherProgram)
{
    put_world("s1");
    mark(folder("s1"), 42);
    ServerRoots roots{node_.options()};
    roots.adopt(policy_.data_dir, {scope("s1")});
    EXPECT_FALSE(counted(roots, scope("s1"), [](const DiskUse&) { return true; }).exact);
    EXPECT_EQ(project_of(folder("s1")), 42u);
    EXPECT_THAT(node_.kept, IsEmpty());
    EXPECT_EQ(write(roots, scope("s1"), "a", 3 * mebibyte), "DISK_FULL");
    EXPECT_THAT(node_.told(), testing::Contains(HasSubstr("project 42 of another program")));
}

TEST_F(QuotaRoots, CountByAWalkWhileTheStoreFails)
{
    put_world("s1");
    node_.store_fails = true;
    ServerRoots roots{node_.options()};
    roots.prepare(scope("s1"));
    EXPECT_FALSE(counted(roots, scope("s1"), [](const DiskUse&) { return true; }).exact);
    EXPECT_EQ(project_of(folder("s1")), 0u) << "a folder is not marked with a project that is not stored";
    EXPECT_THAT(node_.told(), ElementsAre(HasSubstr("the store is full")));
}

TEST_F(QuotaRoots, SetALimitThatChanged)
{
    ServerRoots roots{node_.options()};
    roots.prepare(scope("s1"));
    counted(roots, scope("s1"), [](const DiskUse& use) { return use.exact; });
    for (const std::uint64_t max : {8 * mebibyte, 2 * mebibyte, std::uint64_t{0}}) {
        EXPECT_EQ(
            counted(roots, scope("s1", max), [&](const DiskUse&) { return kernel(first).limit == max; }).max,
            max);
    }
}

TEST_F(QuotaRoots, EndWithTheirServerAndNotBefore)
{
    ServerRoots roots{node_.options()};
    roots.prepare(scope("s1"));
    roots.prepare(scope("s1")); // each start, and a reinstallation
    EXPECT_EQ(kernel(first).limit, 4 * mebibyte);
    EXPECT_EQ(write(roots, scope("s1"), "a", mebibyte), "");
    fs::remove_all(folder("s1"));
    roots.prepare(scope("s2"));
    EXPECT_EQ(project_of(folder("s2")), first + 1) << "s1 is not deleted yet";
    roots.end(scope("s1"));
    EXPECT_EQ(kernel(first).limit, 0u);
    roots.usage(scope("s1"));
    roots.forget("s1");
    roots.prepare(scope("s3"));
    EXPECT_EQ(project_of(folder("s3")), first);
    EXPECT_EQ(kernel(first).limit, 4 * mebibyte);
}

// The agent was killed after it had removed the folder.
TEST_F(QuotaRoots, EndAlsoWhenTheFolderWasGoneAtTheStart)
{
    set_kernel_limit(first + 5, mebibyte);
    ServerRoots roots{node_.options()};
    roots.restore("s1", first + 5);
    roots.adopt(policy_.data_dir, {scope("s1")});
    roots.end(scope("s1"));
    EXPECT_EQ(kernel(first + 5).limit, 0u);
}

TEST_F(QuotaRoots, MarkAFolderThatWasReplaced)
{
    ServerRoots roots{node_.options()};
    roots.prepare(scope("s1"));
    fs::rename(folder("s1"), dir_ / "disk/old");
    put_world("s1"); // from a backup
    roots.prepare(scope("s1"));
    expect_in_force(roots, "s1", first);
}

} // namespace
