// The plugin's configuration, as values. The host has checked it against the manifest's schema.
#pragma once

#include "lines.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::telemetry {

struct LogFile {
    std::string path;
    std::optional<Severity> level; // of every line; absent: the line's own level, else info
    std::string source;            // default: the file's name without its ending
};

struct Config {
    std::chrono::milliseconds interval{5'000};
    std::string disk = "/";                           // the filesystem of this path is reported as "the disk"
    std::vector<std::string> interfaces, filesystems; // patterns; empty: choose.hpp decides
    bool network_filesystems = false;

    std::vector<LogFile> logs;
    std::optional<Severity> daemon_log = Severity::warn; // lowest level that is forwarded; absent: none
    Severity forward = Severity::trace;                  // lowest level of log files that is forwarded
    double log_rate = 10, log_burst = 100; // lines per second, lines at once: all sources together

    struct Health { // percent; load: 5 minutes, per CPU
        double disk = 90, memory = 95, load = 4;
    } health;
};

// Throws std::runtime_error with the key and the problem.
Config parse_config(std::string_view json);

} // namespace agenthost::telemetry
