// The plugin's configuration, as values. The host has checked it against the manifest's schema.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::terminal {

struct Limits { // 0: same as the daemon
    // Per command in a cgroup; without one per user, including the user's other processes. So the default is
    // not applied for our own user without a cgroup: a desktop session may have more threads than that.
    std::uint64_t processes = 1024;
    bool processes_by_default = true;
    std::uint64_t memory = 0;      // bytes
    std::uint64_t cpu_seconds = 0; // of each process
    std::uint64_t open_files = 1024;
};

struct Config {
    std::string run_as;                    // empty: agenthost-run if root, else our own user
    std::vector<std::string> run_as_allow; // users that a caller may name
    std::string shell;                     // empty: /bin/sh for strings, the user's own as SHELL
    std::vector<std::string> allow;        // patterns (policy.hpp); empty: nothing runs
    std::string path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    // Variables a caller may set; not set: by `allow` (policy.hpp)
    std::optional<std::vector<std::string>> env;
    std::map<std::string, std::string> environment; // set for every command
    unsigned queue = 100, concurrency = 4;
    std::chrono::milliseconds timeout{3'600'000}; // maximum and default; 0: none
    std::chrono::milliseconds grace{5'000};       // from SIGINT to SIGTERM, from SIGTERM to SIGKILL
    std::chrono::milliseconds wait{
        1'000}; // a command waits this long for a reader that accepts nothing, then output is dropped
    std::uint64_t max_output = 0; // bytes sent to a command's caller; 0: all
    std::uint64_t ring = 1 << 20; // bytes on disk of each channel, for attach
    unsigned keep = 32;           // finished commands whose output can still be read
    std::chrono::milliseconds keep_for{600'000};
    Limits limits;
    bool cgroup = true; // use one when permitted

    std::string helper; // terminal-exec's path; not configurable, the entry knows it

    [[nodiscard]] bool allows_everything() const { return allow.size() == 1 && allow[0] == "*"; }
};

// Throws std::runtime_error with the key and the problem.
Config parse_config(std::string_view json);

} // namespace agenthost::terminal
