// The outcome of a command: its times, its end and the resources it used. Plain values.
#pragma once

#include "loop.hpp"
#include "process.hpp"
#include "rules.hpp"

#include <optional>
#include <string>

namespace agenthost::terminal {

struct Outcome {
    Clock::time_point queued, started, ended; // started: unset if it never ran
    std::optional<Reason> asked;              // why it was terminated; absent: it was not
    int status = 0;                           // wait status
    Usage usage;

    [[nodiscard]] Reason reason() const;
    [[nodiscard]] int exit_code() const;                     // 128 + signal if a signal ended it
    [[nodiscard]] std::optional<std::string> signal() const; // "SIGKILL"
};

} // namespace agenthost::terminal
