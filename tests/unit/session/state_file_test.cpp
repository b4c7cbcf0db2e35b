#include "host/session/state_file.hpp"
#include "tests/support/support.hpp"
#include "tests/support/thread_state.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace agenthost::host {
namespace {

using test::read_file;
using test::TempDir;
using test::write_file;

TEST(StateFile, IsPrivateAndReplacedAsAWhole)
{
    const TempDir dir;
    const StateFile file{dir.path(), "games", "x.json"};
    std::string why;
    EXPECT_FALSE(file.read(why));
    EXPECT_EQ(why, ""); // there is none, which is no problem
    EXPECT_EQ(file.replace("one"), "");
    EXPECT_EQ(file.replace("two"), "");
    EXPECT_EQ(file.read(why), "two");
    EXPECT_EQ(file.append("!"), "");
    EXPECT_EQ(file.read(why), "two!");
    struct stat st {};
    ASSERT_EQ(::stat(file.path().c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600u);
    ASSERT_EQ(::stat((dir / "servers/games").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0700u);
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator{dir / "servers/games"})
        ++files;
    EXPECT_EQ(files, 1u); // nothing is left behind
    EXPECT_FALSE(file.read(why, 3));
    EXPECT_NE(why.find("longer than this file can be"), std::string::npos) << why;
}

TEST(StateFile, IsLockedByOneAtATime)
{
    const TempDir dir;
    const StateFile file{dir.path(), "games", "x"};
    std::optional<base::FileLock> first{file.lock()};
    ASSERT_TRUE(*first);
    std::atomic<bool> second{false};
    std::atomic<pid_t> thread{0};
    std::thread waits{[&] {
        thread = ::gettid();
        const base::FileLock mine = file.lock();
        second = true;
    }};
    EXPECT_TRUE(test::wait_for([&] { return thread != 0 && test::thread_state(thread) == 'S'; }));
    EXPECT_FALSE(second);
    first.reset();
    EXPECT_TRUE(test::wait_for([&] { return second.load(); }));
    waits.join();
}

TEST(StateFile, FollowsNoLinkAndSaysWhatIsWrong)
{
    const TempDir dir;
    const StateFile file{dir.path(), "games", "x"};
    ASSERT_EQ(file.replace("mine"), "");
    std::filesystem::remove(file.path());
    write_file(dir / "elsewhere", "theirs");
    std::filesystem::create_symlink(dir / "elsewhere", file.path());
    std::string why;
    EXPECT_FALSE(file.read(why));
    EXPECT_NE(why, "");
    EXPECT_NE(file.append("!"), "");
    EXPECT_EQ(read_file(dir / "elsewhere"), "theirs");
    EXPECT_NE((StateFile{dir / "none", "games", "x"}.replace("x").find("cannot create")), std::string::npos);
}

} // namespace
} // namespace agenthost::host
