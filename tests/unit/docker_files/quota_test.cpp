// Project quotas on an ext4 file system of our own. Needs root and loop devices.
#include "plugins/docker/files/copy.hpp"
#include "plugins/docker/files/disk_limit.hpp"
#include "plugins/docker/files/project_quota.hpp"
#include "plugins/docker/files/write.hpp"

#include "files_fixture.hpp"
#include "tests/support/quota_disk.hpp"

#include <grp.h>
#include <sys/wait.h>

namespace {

using namespace agenthost::docker::files;
using namespace agenthost::test;

// Runs it in a process with the rights of the game. Its result, 0 to 255.
constexpr uid_t plain_user = 12'345;
int as_plain_user(const std::function<int()>& action)
{
    const pid_t child = ::fork();
    if (child == 0) {
        if (::setgroups(0, nullptr) != 0 || ::setresgid(plain_user, plain_user, plain_user) != 0 ||
            ::setresuid(plain_user, plain_user, plain_user) != 0)
            ::_exit(255);
        ::_exit(action());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class QuotaDisk : public ::testing::Test {
protected:
    void SetUp() override
    {
        if (!disk_.missing().empty()) GTEST_SKIP() << disk_.missing();
        fs::permissions(dir_.path(), fs::perms{0755}); // the game reaches its folder
        fs::create_directory(dir_ / "disk/server");
        fs::create_directory(dir_ / "disk/other");
    }
    void TearDown() override { EXPECT_TRUE(disk_.unmount()); }
    [[nodiscard]] std::string folder() const { return (dir_ / "disk/server").string(); }

    TempDir dir_;
    agenthost::test::QuotaDisk disk_{dir_ / "disk", "64M"};
};

TEST_F(QuotaDisk, TheKernelStopsTheAgentAndTheGame)
{
    const Root root{folder(), std::nullopt, {.max_bytes = 4 * mebibyte, .keep_free = 0}};
    ProjectQuota quota{root.fd(), 77};
    EXPECT_EQ(quota.unavailable(), "");
    quota.mark();
    quota.set_limit(4 * mebibyte);
    root.limit().use_quota(quota);
    EXPECT_TRUE(root.limit().state().exact);

    write_file(root, path("ours"), std::string(mebibyte, 'x'), {});
    ASSERT_EQ(::chown(folder().c_str(), plain_user, plain_user), 0);
    // The game, which asks nobody.
    const int written = as_plain_user([&] {
        std::ofstream game{folder() + "/fixture"};
        const std::string piece(mebibyte, 'g');
        int count = 0;
        while (count < 10 && game.write(piece.data(), static_cast<std::streamsize>(piece.size())).flush())
            ++count;
        return count;
    });
    EXPECT_EQ(written, 2);
    Control control;
    root.limit().recount(control);
    EXPECT_GE(root.limit().state().used, 3 * mebibyte);
    // An agent that runs as root is not stopped by the kernel: by our own check.
    EXPECT_EQ(code_of([&] { write_file(root, path("more"), std::string(2 * mebibyte, 'x'), {}); }),
              "DISK_FULL");
    EXPECT_FALSE(fs::exists(folder() + "/more"));

    // An agent with the game's rights: without our own check, the kernel's errno gives the same code.
    const Root unchecked{folder(), std::nullopt, {.keep_free = 0}};
    EXPECT_EQ(
        as_plain_user([&] {
            std::string text;
            const std::string code = code_of(
                [&] { write_file(unchecked, path("more"), std::string(3 * mebibyte, 'x'), {}); }, &text);
            return code == "DISK_FULL" && text.find("quota of this server") != std::string::npos ? 1 : 0;
        }),
        1);
    EXPECT_FALSE(fs::exists(folder() + "/more"));

    quota.set_limit(0);
    write_file(unchecked, path("more"), std::string(6 * mebibyte, 'x'), {});
    EXPECT_EQ(quota.numbers()->limit, 0u);
}

// An agent that runs as root is not stopped by the kernel.
TEST_F(QuotaDisk, ClaimsOfWritersInParallelAreAddedUp)
{
    const Root root{folder(), std::nullopt, {.max_bytes = 4 * mebibyte, .keep_free = 0}};
    ProjectQuota quota{root.fd(), 83};
    quota.mark();
    quota.set_limit(4 * mebibyte);
    root.limit().use_quota(quota);
    const std::string piece(mebibyte, 'x');
    {
        Writer first{root, path("a"), {.declared_size = 3 * mebibyte}};
        EXPECT_EQ(code_of([&] { Writer{root, path("b"), {.declared_size = 2 * mebibyte}}; }), "DISK_FULL");
        for (int i = 0; i < 3; ++i) first.write(piece);
        EXPECT_EQ(code_of([&] { Writer{root, path("b"), {.declared_size = 2 * mebibyte}}; }), "DISK_FULL");
        // What is written is not counted twice.
        Writer second{root, path("b"), {.declared_size = mebibyte / 2}};
        second.write(piece.substr(mebibyte / 2));
        second.commit();
        first.commit();
    }
    EXPECT_EQ(code_of([&] { write_file(root, path("c"), piece, {}); }), "DISK_FULL");
    fs::remove(folder() + "/a");
    EXPECT_EQ(code_of([&] { write_file(root, path("c"), piece, {}); }), "");
}

TEST_F(QuotaDisk, TheFreeSpaceOfTheDiskIsNotThatOfTheQuota)
{
    const Root root{folder(), std::nullopt, {.max_bytes = 4 * mebibyte, .keep_free = 16 * mebibyte}};
    ProjectQuota quota{root.fd(), 79};
    quota.mark();
    quota.set_limit(4 * mebibyte);
    root.limit().use_quota(quota);
    write_file(root, path("ours"), std::string(mebibyte, 'x'), {});
    write_file((dir_ / "disk/other/fill").string(), std::string(40 * mebibyte, 'x'));
    std::string text;
    EXPECT_EQ(code_of([&] { write_file(root, path("more"), std::string(mebibyte, 'x'), {}); }, &text),
              "DISK_FULL");
    EXPECT_NE(text.find("stay free for the machine"), std::string::npos) << text;
}

TEST_F(QuotaDisk, CountsOneServerOnlyAndWhatItHadBefore)
{
    fs::create_directories(folder() + "/old/deep");
    write_file(folder() + "/old/deep/file", std::string(2 * mebibyte, 'x'));
    fs::create_symlink("/etc/passwd", folder() + "/link");
    ASSERT_EQ(::mkfifo((folder() + "/pipe").c_str(), 0600), 0);
    const Root root{folder()};
    ProjectQuota quota{root.fd(), 78};
    quota.mark();
    Control control;
    EXPECT_EQ(quota.mark_contents(control), 0u);
    write_file((dir_ / "disk/other/file").string(), std::string(8 * mebibyte, 'o'));
    ASSERT_TRUE(quota.numbers());
    EXPECT_GE(quota.numbers()->used, 2 * mebibyte);
    EXPECT_LT(quota.numbers()->used, 3 * mebibyte);
    // A file that is moved in from outside would break the count: the kernel refuses the rename.
    EXPECT_NE(::rename((dir_ / "disk/other/file").c_str(), (folder() + "/moved").c_str()), 0);
}

TEST_F(QuotaDisk, AFolderKnowsItsProject)
{
    const Root root{folder()};
    EXPECT_EQ(ProjectQuota::project_of(root.fd()), 0u);
    ProjectQuota quota{root.fd(), 80};
    quota.mark();
    fs::create_directory(folder() + "/inner");
    EXPECT_EQ(ProjectQuota::project_of(root.fd()), 80u);
    EXPECT_EQ(ProjectQuota::project_of(Root{folder() + "/inner"}.fd()), 80u);
    ASSERT_TRUE(quota.numbers());
    EXPECT_EQ(quota.numbers()->inodes, 2u);
}

TEST_F(QuotaDisk, OnlyRootMaySetOne)
{
    const Root root{folder()};
    EXPECT_EQ(as_plain_user([&] {
                  return ProjectQuota{root.fd(), 81}.unavailable().find("Run it as root") != std::string::npos
                             ? 1
                             : 0;
              }),
              1);
}

TEST_F(QuotaDisk, ADiskThatCountsWithoutLimitsIsNotEnough)
{
    ASSERT_TRUE(disk_.unmount());
    ASSERT_EQ(disk_.mount("loop"), "");
    const Root root{folder()};
    const std::string why = ProjectQuota{root.fd(), 82}.unavailable();
    EXPECT_NE(why.find("enforces no limits"), std::string::npos) << why;
    EXPECT_NE(why.find("prjquota"), std::string::npos) << why;
}

TEST(DiskLimitWithAQuota, CountsItselfWhenTheKernelNoLongerAnswers)
{
    FilesFixture fixture{{.max_bytes = 2 * mebibyte, .keep_free = 0}};
    const ProjectQuota quota{fixture.root->fd(), 5};
    if (quota.numbers()) GTEST_SKIP() << "the temporary folder has project quotas";
    fixture.put("game", std::string(mebibyte, 'g'));
    DiskLimit& limit = fixture.root->limit();
    limit.use_quota(quota);
    EXPECT_FALSE(limit.state().exact);
    EXPECT_FALSE(limit.state().counted);
    limit.recount(fixture.control);
    EXPECT_GE(limit.state().used, mebibyte);
    EXPECT_EQ(code_of([&] { write_file(*fixture.root, path("a"), std::string(mebibyte + 1, 'a'), {}); }),
              "DISK_FULL");
}

TEST(ProjectQuota, SaysWhyItIsNotAvailable)
{
    FilesFixture fixture;
    const std::string why = ProjectQuota{fixture.root->fd(), 5}.unavailable();
    if (why.empty()) GTEST_SKIP() << "the temporary folder has project quotas";
    EXPECT_NE(why.find(is_root() ? "prjquota" : "Run it as root"), std::string::npos) << why;
}

} // namespace
