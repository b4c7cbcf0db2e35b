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
    std::optional<Severity> level; // of every line; absent: what the line says of itself, else info
    std::string source;            // default: the file's name without its ending
};

struct Config {
    std::chrono::milliseconds interval{5'000};
    std::string disk = "/";                           // the path whose filesystem counts as "the disk"
    std::vector<std::string> interfaces, filesystems; // patterns; empty: what choose.hpp says
    bool network_filesystems = false;

    std::vector<LogFile> logs;
    std::optional<Severity> daemon_log = Severity::warn; // the least that is forwarded; absent: none
    Severity forward = Severity::trace;                  // the least that is forwarded of files
    double log_rate = 10, log_burst = 100; // lines a second, lines at once: of all sources together

    struct Health { // percent; load: per CPU, of 5 minutes
        double disk = 90, memory = 95, load = 4;
    } health;
};

// Throws std::runtime_error with the key and what is wrong.
Config parse_config(std::string_view json);

} // namespace agenthost::telemetry
