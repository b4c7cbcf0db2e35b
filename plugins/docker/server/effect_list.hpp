// Collects the effects of one step of a machine and knows which timers are armed. Owned by the machine.
#pragma once

#include "values.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace agenthost::docker::server {

class EffectList {
public:
    void add(Effect effect) { effects_.push_back(std::move(effect)); }
    void add_first(Effect effect) { effects_.insert(effects_.begin(), std::move(effect)); }
    void answer(const std::string& id, Verdict verdict, const Problem& problem, std::uint64_t action = 0,
                std::optional<State> status = {})
    {
        add(Answer{id, verdict, problem, status, action});
    }

    void arm(Timer timer, milliseconds after)
    {
        armed_ |= bit(timer);
        add(Arm{timer, after});
    }
    void disarm(Timer timer)
    {
        if (fired(timer)) add(Disarm{timer});
    }
    // False: it was disarmed just before.
    bool fired(Timer timer)
    {
        const bool was_armed = armed(timer);
        armed_ &= ~bit(timer);
        return was_armed;
    }
    [[nodiscard]] bool armed(Timer timer) const { return (armed_ & bit(timer)) != 0; }

    void clear() { effects_.clear(); }
    std::vector<Effect> take() { return std::exchange(effects_, {}); }

private:
    static unsigned bit(Timer timer) { return 1u << static_cast<unsigned>(timer); }

    std::vector<Effect> effects_;
    unsigned armed_ = 0; // a bit for each timer
};

} // namespace agenthost::docker::server
