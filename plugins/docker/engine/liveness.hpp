// Decides from the times of an engine's answers whether it still answers. Sans-io: the owner calls tick() every
// `interval`, sends GET /_ping when that asks for it, and tells when the engine was last heard; an answer to any
// call counts, so a busy engine that answers something is not asked. The engine is silent only while a question
// is unanswered. Time in which the owner itself did not run (a stopped or starved process) is not held against
// the engine. One for each connection to the engine; on its thread.
#pragma once

#include <chrono>
#include <optional>

namespace agenthost::docker::engine {

class Liveness {
public:
    using Time = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::steady_clock::duration;

    static constexpr std::chrono::milliseconds interval{250};
    // After this long without an answer to anything, the engine is asked.
    static constexpr std::chrono::milliseconds ask_after{500};
    // Without an answer for this long, it is reported as silent, and then as away.
    static constexpr std::chrono::milliseconds silent_after{1000};
    static constexpr std::chrono::milliseconds away_after{5000};

    enum class State { answers, silent, away };
    struct Step {
        bool ask = false;
        State state = State::answers;
        std::chrono::seconds silent_for{0}; // 0: it answers
    };

    explicit Liveness(Time now) : last_tick_{now}, began_{now} {}

    // `heard`: when the last bytes from the engine arrived.
    Step tick(Time now, Time heard);
    // The question could not be sent, so its answer is not awaited.
    void not_asked() { asked_.reset(); }

private:
    Time last_tick_, began_;
    std::optional<Time> asked_;
    Time silent_since_{};
    Duration excused_{0}; // since the question
};

} // namespace agenthost::docker::engine
