// Decides which waiting job runs next, and who may still queue. Callers (servers, usually) share slots
// and waiting places by fair_shares.hpp: a caller whose jobs fill everything for hours neither delays
// another caller's first job nor causes its refusal. The jobs of one caller run in the order of their
// arrival.
//
// Pure: no threads, no clock. Owned by Pool, under its lock.
#pragma once

#include "fair_shares.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::base {

class Turns {
public:
    using Ticket = std::uint64_t;

    Turns(std::size_t slots, std::size_t max_waiting) : shares_{slots, max_waiting} {}

    // nullopt: no free slot, and the caller's share of the waiting places is used up.
    std::optional<Ticket> add(std::string_view caller);
    // The next job, which runs from now on. nullopt: nobody may run. Ask until then after each change.
    std::optional<Ticket> next();
    // It has run. Unknown tickets are ignored.
    void finished(Ticket);
    // It no longer waits. False: it does not wait.
    bool withdraw(Ticket);

    [[nodiscard]] std::size_t running() const { return shares_.running(); }
    [[nodiscard]] std::size_t waiting() const { return shares_.waiting(); }
    [[nodiscard]] std::size_t waiting(std::string_view caller) const;

private:
    FairShares shares_;
    Ticket last_ = 0;
    std::map<std::string, std::deque<Ticket>, std::less<>> waiting_; // of each caller, oldest first
    std::map<Ticket, std::string> callers_;                          // of all jobs, waiting and running
};

} // namespace agenthost::base
