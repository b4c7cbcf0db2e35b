#include "base/write_file.hpp"

#include "tests/support/support.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <string>

namespace agenthost::base {
namespace {

TEST(WriteFile, LeavesNoPartOfAFile)
{
    const test::TempDir dir;
    const std::string path = dir / "receipt.png";
    ASSERT_TRUE(write_file(path, "longer than what follows"));
    ASSERT_TRUE(write_file(path, "short"));
    EXPECT_EQ(std::filesystem::file_size(path), 5u);

    rlimit old{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
    const rlimit small{1'000, old.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const bool written = write_file(path, std::string(5'000, 'x'));
    const int why = errno;
    std::signal(SIGXFSZ, handler);
    ::setrlimit(RLIMIT_FSIZE, &old);
    EXPECT_FALSE(written);
    EXPECT_EQ(why, EFBIG);
    EXPECT_FALSE(std::filesystem::exists(path));

    EXPECT_FALSE(write_file(dir / "no folder/receipt.png", "x"));
    EXPECT_FALSE(write_file("/dev/full", "x"));
    EXPECT_TRUE(std::filesystem::exists("/dev/full"));
}

} // namespace
} // namespace agenthost::base
