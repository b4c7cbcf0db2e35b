// Timing rules without a clock: when output is flushed, and how a command is ended.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

namespace agenthost::terminal {

// Batches output: 10 KB or 50 ms, whichever comes first; the first output after a pause at once.
class Flush {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::size_t chunk = 10 << 10;
    static constexpr std::chrono::milliseconds every{50};

    // True: all pending output may be sent. Else only whole chunks.
    [[nodiscard]] bool ripe(Time now) const { return !last_ || now - *last_ >= every; }
    void flushed(Time now) { last_ = now; }
    // When the pending output may be sent.
    [[nodiscard]] Time next(Time now) const { return last_ ? *last_ + every : now; }

private:
    std::optional<Time> last_;
};

enum class Reason { exit, signal, interrupted, timeout };
inline const char* name(Reason reason)
{
    switch (reason) {
    case Reason::signal: return "signal";
    case Reason::interrupted: return "interrupted";
    case Reason::timeout: return "timeout";
    default: return "exit";
    }
}

// Ends a command: interrupt, after a grace period terminate, after another kill. The first reason stays. A
// repeated call skips the rest of the period.
class Ending {
public:
    enum class Step { none, interrupt, terminate, kill };

    Step ask(Reason reason, bool force)
    {
        if (!reason_) reason_ = reason;
        if (step_ == Step::kill) return Step::none;
        if (force) return step_ = Step::kill;
        if (step_ == Step::none && reason == Reason::timeout)
            return step_ = Step::terminate; // it was not interrupted by Ctrl-C
        return advance();
    }
    Step grace_over() { return step_ == Step::none ? Step::none : advance(); }

    [[nodiscard]] std::optional<Reason> reason() const { return reason_; }
    [[nodiscard]] bool more() const
    {
        return step_ != Step::none && step_ != Step::kill;
    } // a grace period is running

private:
    Step advance()
    {
        if (step_ == Step::kill) return Step::none;
        return step_ = step_ == Step::none        ? Step::interrupt
                       : step_ == Step::interrupt ? Step::terminate
                                                  : Step::kill;
    }
    Step step_ = Step::none;
    std::optional<Reason> reason_;
};

} // namespace agenthost::terminal
