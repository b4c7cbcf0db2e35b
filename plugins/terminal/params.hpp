// Parses the parameters of the actions. Pure; every function throws agenthost::Error with the problem and the
// correct form.
#pragma once

#include "queue.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::terminal {

struct Size {
    std::uint16_t columns = 80, rows = 24;
};

struct RunParams {
    std::string id; // commandId; empty: one is generated
    std::vector<std::string> argv;
    std::string command; // a shell string; either this or argv
    std::string cwd;     // empty: the user's home
    std::map<std::string, std::string> env;
    std::optional<std::string> input; // stdin
    bool keep_input = false;          // stdin stays open for terminal.input
    std::string run_as;
    std::optional<std::chrono::milliseconds> timeout;
    std::optional<std::uint64_t> max_output;
    Priority priority = Priority::normal;
    std::optional<Size> pty;
};
RunParams parse_run(std::string_view json);

struct InterruptParams {
    std::string id;
    bool force = false;
};
InterruptParams parse_interrupt(std::string_view json);

struct InputParams {
    std::string id, data;
    bool end = false;
    std::optional<std::uint64_t> offset; // of data in the command's whole input; bytes before it are skipped
};
InputParams parse_input(std::string_view json);

struct ResizeParams {
    std::string id;
    Size size;
};
ResizeParams parse_resize(std::string_view json);

struct AttachParams {
    std::string id;
    std::uint64_t offset = 0, stderr_offset = 0;
    bool follow = true;
};
AttachParams parse_attach(std::string_view json);

} // namespace agenthost::terminal
