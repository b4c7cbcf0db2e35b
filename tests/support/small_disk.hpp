// A small disk: a tmpfs in a mount namespace of its own, in which the test program runs one of its disabled
// tests.
#pragma once

#include "support.hpp"

#include <gtest/gtest.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace agenthost::test {

// Where it is mounted; for the test inside.
inline std::string small_disk() { return std::getenv("SMALL_DISK"); }

// A plain user gets the disk in a user namespace. There, root's folders above every plugin are nobody's, and
// the daemon rightly loads none: tests with plugins call this first.
inline bool plugins_load_on_small_disk() { return ::geteuid() == 0; }

// Runs the disabled test `inside` of this program where small_disk() is a tmpfs with these options
// ("size=8m").
inline void in_small_disk(const std::string& options, const std::string& inside)
{
    const TempDir dir;
    const std::string script = "mount -t tmpfs -o " + options + " none '" + dir.path().string() +
                               "' && exec \"$0\" --gtest_filter=" + inside +
                               " --gtest_also_run_disabled_tests";
    const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
    const std::map<std::string, std::string> env{{"SMALL_DISK", dir.path().string()}};
    Ran ran = run({"unshare", "-rm", "sh", "-c", script, self}, env);
    if (ran.code != 0 && ran.err.find("unshare") != std::string::npos)
        ran = run({"unshare", "-m", "sh", "-c", script, self}, env);
    if (ran.code != 0 && ran.err.find("unshare") != std::string::npos)
        GTEST_SKIP() << "no mount namespace to be had here: " << ran.err;
    EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
    EXPECT_NE(ran.out.find("[  PASSED  ] 1 test"), std::string::npos) << ran.out;
}

inline std::uint64_t free_on(const std::filesystem::path& folder)
{
    struct statvfs info {};
    ::statvfs(folder.c_str(), &info);
    return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

// Somebody else takes all but `left` bytes of the disk.
inline void fill_disk(const std::filesystem::path& file, std::uint64_t left = 0)
{
    std::ofstream out{file, std::ios::binary | std::ios::app};
    const std::string some(64 << 10, 'x');
    for (;;) {
        const auto free = free_on(file.parent_path());
        if (free <= left) break;
        const auto n = std::min<std::uint64_t>(some.size(), free - left);
        if (!out.write(some.data(), static_cast<std::streamsize>(n)).flush()) break;
    }
    out.clear();
    while (left == 0 && out.put('x').flush()) {}
}

} // namespace agenthost::test
