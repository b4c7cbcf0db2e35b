#include "tasks.hpp"

#include <algorithm>
#include <tuple>

namespace agenthost::hub {

namespace {

bool in_flight(const TaskRecord& task)
{
    return !task.adrift && (task.state == TaskState::dispatched || task.state == TaskState::running);
}

} // namespace

Tasks::Agent* Tasks::agent(std::string_view id)
{
    const auto it = agents_.find(id);
    return it == agents_.end() ? nullptr : &it->second;
}

const TaskRecord* Tasks::find(std::string_view id) const
{
    if (tasks_.empty()) return nullptr; // without computing a hash
    const auto it = tasks_.find(id);
    return it == tasks_.end() ? nullptr : &it->second;
}

std::size_t Tasks::open(std::string_view id) const
{
    const auto it = agents_.find(id);
    return it == agents_.end() ? 0 : it->second.open;
}

std::uint64_t Tasks::cost(const TaskRecord& task)
{
    constexpr std::uint64_t around = 1024; // the record, its id in the tables, its watch
    return around + task.params.size() + task.action.size() + task.target.size() + task.agent.size();
}

bool Tasks::has_space(const TaskRecord& task, std::uint64_t bytes, std::string* why) const
{
    const auto full = [why](std::string text) {
        if (why != nullptr) *why = std::move(text) + "; try again when some have ended";
        return false;
    };
    if (tasks_.contains(task.id)) return full("There is a task with this id");
    if (tasks_.size() >= limits_.open)
        return full("The hub has " + std::to_string(limits_.open) +
                    " open tasks (plugins.hub.config.open_tasks)");
    if (open(task.agent) >= limits_.per_agent)
        return full("Agent " + task.agent + " has " + std::to_string(limits_.per_agent) +
                    " open tasks (plugins.hub.config.agent_queue)");
    if (bytes > agent_bytes_.available(task.agent))
        return full("The open tasks of agent " + task.agent +
                    " hold its share of plugins.hub.config.open_bytes");
    if (callers_.available(task.caller) == 0 || bytes > caller_bytes_.available(task.caller))
        return full(
            "The open tasks of this token hold its share of plugins.hub.config.open_tasks and open_bytes");
    return true;
}

bool Tasks::add(TaskRecord task, std::string* why)
{
    const std::uint64_t bytes = cost(task);
    if (!has_space(task, bytes, why)) return false;
    callers_.take(task.caller, 1);
    caller_bytes_.take(task.caller, bytes);
    agent_bytes_.take(task.agent, bytes);
    task.adrift = task.no_resend && task.sent > 0;
    task.state = task.adrift ? TaskState::dispatched : TaskState::pending;
    Agent& owner = agents_[task.agent];
    ++owner.open;
    if (!task.adrift) owner.pending.push_back(task.id);
    task.order = ++added_;
    auto id = task.id;
    tasks_.emplace(std::move(id), std::move(task));
    return true;
}

const TaskRecord* Tasks::next(std::string_view id, std::int64_t now, std::vector<TaskRecord>& ended,
                              std::size_t window, const Held& held)
{
    const std::size_t max_in_flight = std::min(window, limits_.in_flight);
    for (;;) {
        Agent* owner = agent(id); // take() below may remove the agent
        if (owner == nullptr || owner->pending.empty() || owner->in_flight >= max_in_flight) return nullptr;
        const auto free = std::find_if(owner->pending.begin(), owner->pending.end(), [&](const auto& waits) {
            return !held || !held(tasks_.find(waits)->second);
        });
        if (free == owner->pending.end()) return nullptr;
        const std::string first = std::move(*free);
        owner->pending.erase(free);
        TaskRecord& task = tasks_.find(first)->second; // take() removes an ended task from the queue
        if (task.sent > resends) {
            auto dead = fail(first, "AGENT_OFFLINE",
                             "The agent was sent the command " + std::to_string(task.sent) +
                                 " times and disconnected before answering it",
                             now);
            ended.push_back(std::move(*dead));
            continue;
        }
        ++task.sent;
        ++owner->in_flight;
        task.state = TaskState::dispatched;
        task.updated = now;
        return &task;
    }
}

void Tasks::not_sent(std::string_view id)
{
    const auto it = tasks_.find(id);
    if (it == tasks_.end() || !in_flight(it->second)) return;
    Agent& owner = *agent(it->second.agent);
    --owner.in_flight;
    --it->second.sent;
    it->second.no_resend = false;
    it->second.state = TaskState::pending;
    const auto later = std::find_if(owner.pending.begin(), owner.pending.end(),
                                    [&, order = it->second.order](const auto& waits) {
                                        return tasks_.find(waits)->second.order > order;
                                    });
    owner.pending.emplace(later, id);
}

void Tasks::lost(std::string_view id, std::int64_t now)
{
    Agent* owner = agent(id);
    if (owner == nullptr) return;
    std::vector<TaskRecord*> back;
    for (auto& [name, task] : tasks_) {
        if (task.agent == id && in_flight(task)) back.push_back(&task);
    }
    for (TaskRecord* task : back) {
        task->state = TaskState::pending;
        task->updated = now;
        owner->pending.push_back(task->id);
    }
    std::sort(owner->pending.begin(), owner->pending.end(), [this](const auto& a, const auto& b) {
        return tasks_.find(a)->second.order < tasks_.find(b)->second.order;
    });
    owner->in_flight = 0;
}

void Tasks::progress(std::string_view agent_id, std::string_view id, std::int64_t now)
{
    const auto it = tasks_.find(id);
    if (it == tasks_.end() || it->second.agent != agent_id || it->second.state != TaskState::dispatched)
        return;
    it->second.state = TaskState::running;
    it->second.updated = now;
}

void Tasks::drift(TaskRecord& task)
{
    Agent& owner = *agent(task.agent);
    if (in_flight(task))
        --owner.in_flight;
    else
        std::erase(owner.pending, task.id);
    task.adrift = true;
    if (task.state == TaskState::pending) task.state = TaskState::dispatched;
}

std::vector<std::string> Tasks::strand(std::string_view agent_id, int redispatch)
{
    std::vector<std::string> ids;
    if (agent(agent_id) == nullptr) return ids;
    for (auto& [id, task] : tasks_) {
        if (task.agent != agent_id || task.adrift || task.sent <= redispatch) continue;
        drift(task);
        task.no_resend = true;
        ids.push_back(id);
    }
    return ids;
}

bool Tasks::strand(std::string_view id)
{
    const auto it = tasks_.find(id);
    if (it == tasks_.end() || !in_flight(it->second)) return false;
    drift(it->second);
    return true;
}

std::unique_ptr<TaskRecord> Tasks::take(std::string_view id)
{
    const auto it = tasks_.find(id);
    if (it == tasks_.end()) return nullptr;
    auto task = std::make_unique<TaskRecord>(std::move(it->second));
    tasks_.erase(it);
    const std::uint64_t bytes = cost(*task);
    callers_.give_back(task->caller, 1);
    caller_bytes_.give_back(task->caller, bytes);
    agent_bytes_.give_back(task->agent, bytes);
    const auto owner = agents_.find(task->agent);
    if (in_flight(*task))
        --owner->second.in_flight;
    else
        std::erase(owner->second.pending, task->id);
    if (--owner->second.open == 0) agents_.erase(owner);
    return task;
}

bool Tasks::has_pending(std::string_view id) const
{
    if (agents_.empty()) return false;
    const auto it = agents_.find(id);
    return it != agents_.end() && !it->second.pending.empty();
}

bool Tasks::awaits(std::string_view agent_id, std::string_view id) const
{
    const TaskRecord* open = find(id);
    return open != nullptr && open->agent == agent_id && open->sent != 0;
}

std::unique_ptr<TaskRecord> Tasks::finish(std::string_view agent_id, std::string_view id, TaskRecord outcome,
                                          std::int64_t now)
{
    if (!awaits(agent_id, id)) return nullptr;
    auto task = take(id);
    task->state = outcome.state;
    task->data = std::move(outcome.data);
    task->code = std::move(outcome.code);
    task->message = std::move(outcome.message);
    task->detail = std::move(outcome.detail);
    task->updated = now;
    return task;
}

std::unique_ptr<TaskRecord> Tasks::fail(std::string_view id, std::string_view code, std::string_view message,
                                        std::int64_t now)
{
    auto task = take(id);
    if (task == nullptr) return nullptr;
    task->state = TaskState::failed;
    task->code = code;
    task->message = message;
    task->updated = now;
    return task;
}

TaskRecord* Tasks::edit(std::string_view id)
{
    const auto it = tasks_.find(id);
    return it == tasks_.end() ? nullptr : &it->second;
}

std::vector<const TaskRecord*> Tasks::unanswered(std::string_view agent_id) const
{
    std::vector<const TaskRecord*> found;
    for (const auto& [id, task] : tasks_) {
        if (task.agent == agent_id && (task.adrift || in_flight(task))) found.push_back(&task);
    }
    std::sort(found.begin(), found.end(), [](const TaskRecord* a, const TaskRecord* b) {
        return std::tie(a->adrift, a->order) < std::tie(b->adrift, b->order);
    });
    return found;
}

std::vector<std::string> Tasks::of(std::string_view agent_id) const
{
    std::vector<std::string> ids;
    for (const auto& [id, task] : tasks_) {
        if (task.agent == agent_id) ids.push_back(id);
    }
    return ids;
}

} // namespace agenthost::hub
