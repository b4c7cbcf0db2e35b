// The commands that wait or run, and those that have ended and whose output is still kept. A command belongs
// to the server that asked for it: another server does not find it; the machine's own control socket finds
// all. Loop thread.
#pragma once

#include "job.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::terminal {

constexpr std::string_view the_machine = "control"; // the host's name for its control socket's callers

class JobTable {
public:
    explicit JobTable(Loop& loop) : loop_{loop} {}

    void limits(std::size_t keep, Clock::duration keep_for); // of those that have ended

    // Takes the place of one with the same id that has ended.
    void add(JobPtr);
    void remove(const Job&); // it never ran
    void ended(const Job&);  // kept for a while
    void tidy_soon();        // one that has ended is not used any more

    [[nodiscard]] JobPtr find_open(std::string_view server, const std::string& id) const;
    [[nodiscard]] JobPtr find(std::string_view server, const std::string& id) const; // ended ones too
    [[nodiscard]] std::vector<JobPtr> open() const;
    [[nodiscard]] std::vector<JobPtr> all() const; // those that have ended last
    void clear();                                  // ends all processes; readers are cut off

private:
    using Key = std::pair<std::string, std::string>; // server, commandId
    void tidy();

    Loop& loop_;
    std::size_t keep_ = 0;
    Clock::duration keep_for_{};
    std::map<Key, JobPtr> open_;
    std::deque<JobPtr> ended_; // oldest first
    Loop::Timer timer_ = 0;
};

} // namespace agenthost::terminal
