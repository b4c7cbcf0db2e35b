// Parses the command line of `agenthost hub`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub::cli {

// An error in the command line and its correction.
struct Usage : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Arguments {
    std::vector<std::string> words;                // verb first
    std::optional<std::vector<std::string>> after; // the words after "--"
    std::string control = "/run/agenthost/control.sock";
    bool as_json = false, help = false;

    // agent, token
    std::string protocol, role, agents, expires;
    bool rotate = false;

    // exec, shell
    std::string command, cwd, run_as, priority;
    std::vector<std::string> env; // NAME=VALUE, or NAME to copy the local value
    std::optional<std::chrono::milliseconds> timeout;
    bool input = false, no_input = false;

    // server
    std::string agent, status, name, image, memory, cpu, disk, startup, file, signal;
    std::vector<std::string> ports; // HOST:CONTAINER[/udp], or PORT
    std::uint32_t tail = 100;
    bool follow = false, start = false;

    // print; also name, status, file and tail
    std::string printer, charset, key, outcome;
    bool raw = false;
};

// Throws Usage.
Arguments parse(int argc, char** argv);

// "500ms", "30s", "5m", "2h", "1d"; a number alone: seconds. nullopt: none of these.
std::optional<std::chrono::milliseconds> duration(std::string_view);

} // namespace agenthost::hub::cli
