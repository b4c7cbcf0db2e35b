// Decides which job runs next. Pure: no threads, no clock.
//
// Callers share slots and waiting places fairly (base/fair_shares.hpp): a caller with a thousand uploads, or
// with four that take hours, does not delay another's single one. Jobs on the same file keep their order: a
// writer waits for all earlier jobs, a reader for the earlier writers; a reader that has opened the file no
// longer counts, because its content cannot change any more. Jobs that need no slot (a delete) run in
// addition.
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
        std::string file; // empty: none in particular
        Access access = Access::write;
        bool needs_slot = true;
    };

    Schedule(unsigned slots, std::size_t max_waiting) : shares_{slots, max_waiting} {}

    std::optional<Ticket> add(Job job); // nullopt: too many of this caller wait
    std::optional<Ticket> next();       // now running; nullopt: nothing can run now
    void opened(Ticket);                // this reader has opened its file
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
    std::map<std::string, std::deque<Ticket>> files_;   // the jobs on each file, in order
    std::map<std::string, std::deque<Ticket>> callers_; // waiting jobs of each caller, oldest first
};

} // namespace agenthost::storage
