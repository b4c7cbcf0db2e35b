// How a command ran: its times, why it ended, what it used. Values.
#pragma once

#include "loop.hpp"
#include "process.hpp"
#include "rules.hpp"

#include <optional>
#include <string>

namespace agenthost::terminal {

struct Outcome {
    Clock::time_point queued, started, ended; // started: unset when it never ran
    std::optional<Reason> asked;              // why somebody brought it to its end
    int status = 0;                           // wait status
    Usage usage;

    [[nodiscard]] Reason reason() const;
    [[nodiscard]] int exit_code() const;                     // 128 + signal when a signal ended it
    [[nodiscard]] std::optional<std::string> signal() const; // "SIGKILL"
};

} // namespace agenthost::terminal
