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
    void add(Ticket);             // not checked: restored jobs are never refused
    std::optional<Ticket> take(); // the next job; its server has had its turn
    std::optional<Ticket> remove(JobId);

    [[nodiscard]] std::size_t size() const { return jobs_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] bool empty() const { return jobs_ == 0; }

private:
    struct Lane {
        std::deque<Ticket> jobs;
        std::uint64_t bytes = 0;
        std::uint64_t served = 0; // the number of its last turn
    };
    void removed(std::map<std::string, Lane>::iterator, std::uint64_t bytes);

    QueueLimits limits_;
    std::map<std::string, Lane> lanes_; // of servers that have a job here
    std::size_t jobs_ = 0;
    std::uint64_t bytes_ = 0, turn_ = 0;
};

} // namespace agenthost::printer::job
