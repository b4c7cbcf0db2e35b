// Which job runs next. Pure: no threads, no clock.
//
// Callers share slots and waiting places fairly (base/fair_shares.hpp): one with a thousand uploads, or with four that trickle for
// hours, does not keep another's single one waiting. Jobs on the same file keep the order they came in: a writer waits for all
// before it, a reader for the writers before it; a reader that has its descriptor no longer counts, because what it reads cannot
// change any more. Jobs that need no slot (a delete) run beside the others.
#pragma once

#include "base/fair_shares.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace agenthost::storage {

using Ticket = std::uint64_t;

class Schedule {
public:
    enum class Access { read, write };
    struct Job {
        std::string caller;
        std::string file; // empty: no particular one
        Access access = Access::write;
        bool needs_slot = true;
    };

    Schedule(unsigned slots, std::size_t most_waiting) : shares_{slots, most_waiting} {}

    std::optional<Ticket> add(Job job); // nullopt: too many of this caller wait
    std::optional<Ticket> next();       // now running; nullopt: nothing can run now
    void opened(Ticket);                // this reader has its descriptor
    void finished(Ticket);
    bool withdraw(Ticket); // false: it is not waiting

    [[nodiscard]] std::size_t waiting() const { return shares_.waiting(); }
    [[nodiscard]] unsigned running_slots() const { return static_cast<unsigned>(shares_.running()); }
    [[nodiscard]] std::size_t max_running_slots() const { return shares_.max_running(); }

private:
    struct Entry {
        Job job;
        bool running = false;
    };
    [[nodiscard]] bool may_run(Ticket, const Entry&) const;
    void leave_file(Ticket, const Entry&);
    void leave_queue(Ticket, const std::string& caller);

    base::FairShares shares_;
    Ticket last_ = 0;
    std::map<Ticket, Entry> jobs_;                      // waiting and running
    std::map<std::string, std::deque<Ticket>> files_;   // who is still concerned with a file, in order
    std::map<std::string, std::deque<Ticket>> callers_; // what waits of each, oldest first
};

} // namespace agenthost::storage
