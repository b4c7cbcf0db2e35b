// Waiting and running commands, and finished ones with stored output. A command belongs to the server that
// requested it: other servers cannot find it; this machine's control socket finds all. Loop thread.
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

    void limits(std::size_t keep, Clock::duration keep_for); // of finished commands

    // Replaces a finished command with the same id.
    void add(JobPtr);
    void remove(const Job&); // a command that never ran
    void ended(const Job&);  // moves it to the finished commands
    void tidy_soon();        // a finished command has no readers left

    [[nodiscard]] JobPtr find_open(std::string_view server, const std::string& id) const;
    // Including finished ones.
    [[nodiscard]] JobPtr find(std::string_view server, const std::string& id) const;
    [[nodiscard]] std::vector<JobPtr> open() const;
    [[nodiscard]] std::vector<JobPtr> all() const; // finished ones last
    void clear();                                  // kills all processes and disconnects readers

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
