#include "backlog.hpp"

#include "results.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace agenthost::hub {

// A long disk failure must not fill the memory: the record is kept, but a result without space is dropped.
void TaskBacklog::keep(Waiting& waiting, TaskRecord task)
{
    bytes_ -= result_bytes(waiting.task);
    const std::uint64_t bytes = result_bytes(task);
    if (bytes_ + bytes > max_bytes_) drop_result(task);
    bytes_ += result_bytes(task);
    waiting.task = std::move(task);
}

bool TaskBacklog::save(const TaskRecord& task, Done done)
{
    auto it = waiting_.find(task.id);
    if (it == waiting_.end()) {
        if (waiting_.size() >= max_tasks_ && !final(task.state)) return false;
        it = waiting_.emplace(task.id, Waiting{}).first;
        order_.push_back(task.id);
    }
    keep(it->second, task);
    if (done) it->second.done.push_back(std::move(done));
    return true;
}

std::vector<TaskBacklog::Waiting> TaskBacklog::begin_commit(std::size_t max)
{
    std::vector<Waiting> tasks;
    const std::size_t batch = std::min(order_.size(), max);
    for (std::size_t i = 0; i < batch; ++i) {
        auto node = waiting_.extract(order_[i]);
        bytes_ -= result_bytes(node.mapped().task);
        committing_.emplace(node.key(), node.mapped().task);
        tasks.push_back(std::move(node.mapped()));
    }
    order_.erase(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(batch));
    return tasks;
}

void TaskBacklog::put_back(std::vector<Waiting>&& tasks)
{
    for (Waiting& w : tasks) {
        const std::string id = w.task.id;
        if (const auto newer = waiting_.find(id); newer != waiting_.end()) {
            std::move(w.done.begin(), w.done.end(), std::back_inserter(newer->second.done));
        } else {
            bytes_ += result_bytes(w.task);
            waiting_.emplace(id, std::move(w));
            order_.push_back(id);
        }
    }
}

const TaskRecord* TaskBacklog::find(const std::string& id) const
{
    if (const auto it = waiting_.find(id); it != waiting_.end()) return &it->second.task;
    const auto it = committing_.find(id);
    return it == committing_.end() ? nullptr : &it->second;
}

} // namespace agenthost::hub
