// Shares slots and waiting places fairly among callers (servers, usually), by two rules:
//
//   slots     A free slot goes to the caller with the fewest running jobs; among equals, to the one
//             served longest ago. A caller with nothing running never waits for others: it gets a slot beyond
//             the limit (64 such slots at most).
//   waiting   Everyone may wait while there are free places. When there are none, a caller may still wait
//             while it holds less than an eighth of them (at least one).
//
// So one caller that fills everything for hours neither delays another caller's first job nor causes
// refusals; and a single caller can use every slot and place. Pure accounting without jobs, clock or threads.
// All functions take O(number of callers).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace agenthost::base {

class FairShares {
public:
    static constexpr std::size_t max_extra_slots = 64;

    FairShares(std::size_t slots, std::size_t max_waiting) : slots_{slots}, max_waiting_{max_waiting} {}

    // Jobs that already run or wait are not affected.
    void limits(std::size_t slots, std::size_t max_waiting)
    {
        slots_ = slots;
        max_waiting_ = max_waiting;
    }
    [[nodiscard]] std::size_t max_waiting() const { return max_waiting_; }
    [[nodiscard]] std::size_t max_running() const { return slots_ + max_extra_slots; }
    [[nodiscard]] std::size_t waiting() const { return waiting_; }
    [[nodiscard]] std::size_t running() const { return running_; }

    [[nodiscard]] bool may_wait(std::string_view caller) const
    {
        if (waiting_ < max_waiting_) return true;
        if (max_waiting_ == 0) return false;
        const auto at = callers_.find(caller);
        return at == callers_.end() || at->second.waiting < std::max<std::size_t>(max_waiting_ / 8, 1);
    }
    [[nodiscard]] bool may_run(std::string_view caller) const
    {
        if (running_ < slots_) return true;
        const auto at = callers_.find(caller);
        const bool first = at == callers_.end() || at->second.running == 0;
        return first && running_ < max_running();
    }
    // Whether `a` is served before `b` when both could run.
    [[nodiscard]] bool before(std::string_view a, std::string_view b) const
    {
        const Caller x = get(a), y = get(b);
        return x.running != y.running ? x.running < y.running : x.served < y.served;
    }

    void waits(std::string_view caller)
    {
        ++at(caller).waiting;
        ++waiting_;
    }
    void leaves(std::string_view caller) // no longer waits
    {
        --at(caller).waiting;
        --waiting_;
        forget(caller);
    }
    void served(std::string_view caller) { at(caller).served = ++turn_; } // had its turn
    void begins(std::string_view caller)
    {
        ++at(caller).running;
        ++running_;
    }
    void ends(std::string_view caller)
    {
        --at(caller).running;
        --running_;
        forget(caller);
    }

private:
    struct Caller {
        std::size_t waiting = 0, running = 0;
        std::uint64_t served = 0; // the number of its last turn
    };
    Caller& at(std::string_view caller)
    {
        const auto found = callers_.find(caller);
        return found != callers_.end() ? found->second : callers_.emplace(caller, Caller{}).first->second;
    }
    [[nodiscard]] Caller get(std::string_view caller) const
    {
        const auto found = callers_.find(caller);
        return found != callers_.end() ? found->second : Caller{};
    }
    // A caller with nothing left is forgotten; the number of those that are kept is bounded by jobs.
    void forget(std::string_view caller)
    {
        const auto found = callers_.find(caller);
        if (found != callers_.end() && found->second.waiting == 0 && found->second.running == 0)
            callers_.erase(found);
    }

    std::size_t slots_, max_waiting_, waiting_ = 0, running_ = 0;
    std::uint64_t turn_ = 0;
    std::map<std::string, Caller, std::less<>> callers_;
};

} // namespace agenthost::base
