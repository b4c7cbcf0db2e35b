// Which job runs next. Pure: no threads, no clock.
//
// Callers take turns, so that one with a thousand uploads does not keep another's single one waiting. Jobs on the same file
// keep the order they came in: a writer waits for all before it, a reader for the writers before it; a reader that has
// its descriptor no longer counts, because what it reads cannot change any more. Jobs that need a slot share `slots`; the
// others (a delete) run beside them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
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

    Schedule(unsigned slots, std::size_t most_waiting) : slots_{slots}, most_waiting_{most_waiting} {}

    std::optional<Ticket> add(Job job); // nullopt: too many wait
    std::optional<Ticket> next();       // now running; nullopt: nothing can run now
    void opened(Ticket);                // this reader has its descriptor
    void finished(Ticket);
    bool withdraw(Ticket); // false: it is not waiting

    [[nodiscard]] std::size_t waiting() const { return waiting_; }
    [[nodiscard]] unsigned running_slots() const { return used_slots_; }

private:
    struct Entry {
        Job job;
        bool running = false;
    };
    struct Turn {
        std::string caller;
        std::deque<Ticket> jobs; // waiting, oldest first
    };
    [[nodiscard]] bool may_run(Ticket, const Entry&) const;
    void leave_file(Ticket, const Entry&);

    unsigned slots_, used_slots_ = 0;
    std::size_t most_waiting_, waiting_ = 0;
    Ticket last_ = 0;
    std::map<Ticket, Entry> jobs_;                    // waiting and running
    std::map<std::string, std::deque<Ticket>> files_; // who is still concerned with a file, in order
    std::list<Turn> turns_;                           // the front one's turn is next
};

} // namespace agenthost::storage
