// Reads the machine's state: the files under /proc and the filesystems. Blocks for at most `timeout`. One
// thread at a time.
#pragma once

#include "probe.hpp"
#include "sample.hpp"

#include "base/fd.hpp"

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::telemetry {

// Reads a whole small file, cut at 1 MiB; nullopt if it cannot be read.
std::optional<std::string> small_file(const std::string& path);

class SystemReader {
public:
    struct Options {
        std::string proc = "/proc";           // replaced by tests
        std::vector<std::string> interfaces;  // patterns; empty: choose.hpp decides
        std::vector<std::string> filesystems; // patterns of mount points
        std::string disk = "/";               // reported as "the disk"
        bool network_filesystems = false;
        std::chrono::milliseconds timeout{200};
    };
    explicit SystemReader(Options options, Probe::Ask ask = Probe::statvfs_of);

    Reading read();
    [[nodiscard]] std::optional<std::string> stuck() const { return probe_.stuck(); }

private:
    void read_mounts();
    void read_filesystems(Reading&);

    Options options_;
    Probe probe_;
    base::Fd mounts_file_; // kept open: poll() on it reports changes
    bool mounts_known_ = false;
    ChosenMounts mounts_;
    std::string disk_point_;             // the mount of options_.disk
    std::map<std::string, Usage> usage_; // the last values, by mount point
};

} // namespace agenthost::telemetry
