// A disk with project quotas: an ext4 file system on a loop device, mounted where the test wants it and
// unmounted at the end. Needs root and a kernel with quota_v2; tests/support/on_quota_kernel runs a test
// program on one.
#pragma once

#include "support.hpp"

#include <sys/mount.h>

#include <filesystem>
#include <string>
#include <unistd.h>

namespace agenthost::test {

class QuotaDisk {
public:
    explicit QuotaDisk(std::filesystem::path at, const std::string& size = "256M") : at_{std::move(at)}
    {
        if (::geteuid() != 0) {
            missing_ = "only root mounts file systems";
            return;
        }
        const std::string image = (dir_ / "image").string();
        const Ran made =
            run({"sh", "-c",
                 "truncate -s " + size + " '" + image +
                     "' && mkfs.ext4 -q -O quota,project -E quotatype=prjquota '" + image + "'"});
        if (made.code != 0) {
            missing_ = "no ext4 with project quotas can be made here: " + made.err;
            return;
        }
        std::filesystem::create_directories(at_);
        missing_ = mount("loop,prjquota");
    }
    ~QuotaDisk()
    {
        // A failed test may have left something open.
        if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
    }
    QuotaDisk(const QuotaDisk&) = delete;
    QuotaDisk& operator=(const QuotaDisk&) = delete;

    // Why there is none; empty: it is mounted.
    [[nodiscard]] const std::string& missing() const { return missing_; }
    [[nodiscard]] const std::filesystem::path& path() const { return at_; }
    // The error; empty: it is mounted.
    std::string mount(const std::string& options)
    {
        const Ran mounted = run({"mount", "-o", options, (dir_ / "image").string(), at_.string()});
        mounted_ = mounted.code == 0;
        return mounted_ ? "" : "it cannot be mounted here: " + mounted.err;
    }
    bool unmount()
    {
        if (mounted_ && ::umount(at_.c_str()) != 0) return false;
        mounted_ = false;
        return true;
    }

private:
    const TempDir dir_; // of the image
    const std::filesystem::path at_;
    std::string missing_;
    bool mounted_ = false;
};

} // namespace agenthost::test
