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

    void begin(Power, EffectList&);
    // `power` waits for the end of what runs.
    void wait(Power power) { waiting_ = std::move(power); }
    std::optional<Power> take_waiting() { return std::exchange(waiting_, std::nullopt); }

    void answer(Verdict, const Problem&, EffectList&);
    void end(Verdict, const Problem&, EffectList&);
    // Ends both.
    void cancel_all(const Problem&, EffectList&);
    // The caller of `id` no longer waits: a waiting action is dropped, a running one continues.
    void cancel(const std::string& id, EffectList&);

private:
    std::optional<Power> running_, waiting_;
    bool answered_ = false; // running_
};

} // namespace agenthost::docker::server
