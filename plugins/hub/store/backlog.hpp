// Tasks that wait for the disk: the newest state of each, in the order of their first save. Bounds:
// `max_tasks` tasks (an ended one is always accepted, because its result must not be lost) and `max_bytes` of
// results, beyond which a result is dropped and the task kept. Pure. Not thread-safe: the store's mutex
// guards it.
#pragma once

#include "model.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

namespace agenthost::hub {

class TaskBacklog {
public:
    using Done = std::function<void(bool ok)>;
    struct Waiting {
        TaskRecord task;
        std::vector<Done> done;
    };
    static constexpr std::uint64_t max_result_bytes = 128U << 20;

    explicit TaskBacklog(std::size_t max_tasks, std::uint64_t max_bytes = max_result_bytes)
        : max_tasks_{max_tasks}, max_bytes_{max_bytes}
    {}

    // Replaces an earlier state that still waits; `done` (may be empty) is added to its callbacks. false:
    // full.
    bool save(const TaskRecord&, Done done);
    // Takes out the oldest `max` tasks for a commit. find() still finds them until end_commit().
    std::vector<Waiting> begin_commit(std::size_t max);
    void end_commit() { committing_.clear(); }
    // Returns tasks of a failed commit. A state that was saved meanwhile is newer and stays.
    void put_back(std::vector<Waiting>&&);

    // The newest state that is not on the disk; nullptr: none.
    [[nodiscard]] const TaskRecord* find(const std::string& id) const;
    [[nodiscard]] std::size_t size() const { return order_.size(); }
    [[nodiscard]] bool empty() const { return order_.empty(); }

private:
    void keep(Waiting&, TaskRecord);

    const std::size_t max_tasks_;
    const std::uint64_t max_bytes_;
    std::unordered_map<std::string, Waiting> waiting_;
    std::vector<std::string> order_; // of waiting_
    std::uint64_t bytes_ = 0;        // of results in waiting_
    std::unordered_map<std::string, TaskRecord> committing_;
};

} // namespace agenthost::hub
