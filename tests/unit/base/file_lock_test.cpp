#include "base/file_lock.hpp"

#include "tests/support/support.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>

namespace {

using agenthost::base::FileLock;
using agenthost::test::TempDir;

// A process between fork and exec: it holds a copy of every descriptor of ours.
class ForkedChild {
public:
    ForkedChild() : pid_{::fork()}
    {
        if (pid_ == 0)
            for (;;) ::pause();
    }
    ~ForkedChild()
    {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    ForkedChild(const ForkedChild&) = delete;
    ForkedChild& operator=(const ForkedChild&) = delete;

private:
    pid_t pid_;
};

TEST(FileLock, AdmitsOneOwner)
{
    const TempDir dir;
    FileLock first, second;
    EXPECT_EQ(first.acquire(dir / "lock"), 0);
    EXPECT_EQ(second.acquire(dir / "lock"), EWOULDBLOCK);
    EXPECT_FALSE(second);
    first.release();
    EXPECT_EQ(second.acquire(dir / "lock"), 0);
    EXPECT_TRUE(second);
}

TEST(FileLock, CanBeTakenAgainWhileAForkedChildHoldsACopy)
{
    const TempDir dir;
    FileLock first;
    ASSERT_EQ(first.acquire(dir / "lock"), 0);
    const ForkedChild child;
    first = {};
    FileLock second;
    EXPECT_EQ(second.acquire(dir / "lock"), 0);
}

TEST(FileLock, StaysLockedWhenItIsMoved)
{
    const TempDir dir;
    FileLock first, second;
    ASSERT_EQ(first.acquire(dir / "lock"), 0);
    FileLock moved = std::move(first);
    first = {};
    EXPECT_EQ(second.acquire(dir / "lock"), EWOULDBLOCK);
    moved.release();
    EXPECT_EQ(second.acquire(dir / "lock"), 0);
}

TEST(FileLock, SaysWhyTheFileCannotBeOpened)
{
    const TempDir dir;
    FileLock lock;
    EXPECT_EQ(lock.acquire(dir / "absent/lock"), ENOENT);
    EXPECT_FALSE(lock);
}

} // namespace
