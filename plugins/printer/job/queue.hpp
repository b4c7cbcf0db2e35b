// The jobs that wait for one printer: bounded in number and bytes, with a share for each server, in the order
// in which they came; servers take turns. Pure.
#pragma once

#include "values.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace agenthost::printer::job {

struct QueueLimits {
    std::size_t jobs = 1'000;
    std::uint64_t bytes = std::uint64_t{256} << 20;
};

class Queue {
public:
    explicit Queue(QueueLimits limits) : limits_{limits} {}

    // Whether a job of this server fits. One server may use seven eighths, so that another one always can
    // add. A problem's message says which bound it is.
    [[nodiscard]] std::optional<Problem> refuse(const std::string& server, std::uint64_t bytes) const;
    // A job that was not refused is on its way to the disk: it counts already. Each expect() is followed by one
    // arrived(), whether the job is then added or not.
    void expect(const std::string& server, std::uint64_t bytes);
    void arrived(const std::string& server, std::uint64_t bytes);
    void add(Ticket);             // not checked: restored jobs are never refused
    std::optional<Ticket> take(); // the next job; its server has had its turn
    std::optional<Ticket> remove(JobId);

    [[nodiscard]] std::size_t size() const { return jobs_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; } // with those on their way
    [[nodiscard]] bool empty() const { return jobs_ == 0; }
    [[nodiscard]] bool expects() const { return expected_ != 0; } // some are on their way

private:
    struct Lane {
        std::deque<Ticket> jobs;
        std::uint64_t bytes = 0;
        std::uint64_t served = 0; // the number of its last turn
        std::size_t expected = 0;
    };
    using Lanes = std::map<std::string, Lane>;
    Lane& lane_of(const std::string& server);
    void removed(Lanes::iterator, std::uint64_t bytes);

    QueueLimits limits_;
    Lanes lanes_; // of servers that have a job here, or on its way
    std::size_t jobs_ = 0, expected_ = 0;
    std::uint64_t bytes_ = 0, turn_ = 0;
};

} // namespace agenthost::printer::job
