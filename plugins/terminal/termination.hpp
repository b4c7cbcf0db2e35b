// Ends a command: at its timeout, or on request. Each step (rules.hpp) follows the one before after a
// grace. Loop thread.
#pragma once

#include "loop.hpp"
#include "rules.hpp"

#include <functional>
#include <optional>

namespace agenthost::terminal {

class Termination {
public:
    // `act` carries a step out; it is never called with Step::none.
    Termination(Loop& loop, Clock::duration grace, std::function<void(Ending::Step)> act)
        : loop_{loop}, grace_{grace}, act_{std::move(act)}
    {}
    ~Termination() { stop(); }
    Termination(const Termination&) = delete;
    Termination& operator=(const Termination&) = delete;

    void set_timeout(Clock::duration); // from now on; 0: none
    // Why, and whether to skip to the last step.
    void ask(Reason, bool force);
    void stop(); // the command has ended: no step follows
    [[nodiscard]] std::optional<Reason> reason() const { return ending_.reason(); }

private:
    void step(Ending::Step);

    Loop& loop_;
    const Clock::duration grace_;
    const std::function<void(Ending::Step)> act_;
    Ending ending_;
    Loop::Timer timeout_timer_ = 0, grace_timer_ = 0;
};

} // namespace agenthost::terminal
