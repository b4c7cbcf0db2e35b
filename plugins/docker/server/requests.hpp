// Holds the power action that runs and the one that waits, and answers each once. Owned by the machine.
#pragma once

#include "effect_list.hpp"

#include <optional>
#include <string>
#include <utility>

namespace agenthost::docker::server {

// "start_server 17".
std::string describe(const Power&);

class Requests {
public:
    [[nodiscard]] const std::optional<Power>& running() const { return running_; }
    [[nodiscard]] const std::optional<Power>& waiting() const { return waiting_; }
    [[nodiscard]] bool answered() const { return answered_; }
    [[nodiscard]] bool waiting_answered() const { return waiting_answered_; }

    void begin(Power, milliseconds now, EffectList&);
    // `power` waits for the end of what runs.
    void wait(Power, milliseconds now, EffectList&);
    // The one that waits is the next to begin(); its caller may have been answered already.
    std::optional<Power> take_waiting(EffectList&);

    void answer(Verdict, const Problem&, EffectList&);
    // What was taken does not begin. True: its caller has been answered already.
    bool drop_taken();
    // The one that waits has waited long enough for its caller, and keeps its place.
    void answer_waiting(const std::string& what_runs, EffectList&);
    void end(Verdict, const Problem&, EffectList&);
    // Ends both.
    void cancel_all(const Problem&, EffectList&);
    // The caller of `id` no longer waits: a waiting action is dropped, a running one continues (`so_far`).
    void cancel(const std::string& id, const std::string& so_far, EffectList&);

private:
    std::optional<Power> running_, waiting_;
    bool answered_ = false; // running_
    // Of the one that waits, also when it begins: its caller waits since it came.
    bool waiting_answered_ = false;
    std::optional<milliseconds> waiting_due_;
};

} // namespace agenthost::docker::server
