#include "open_tasks.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::hub {

OpenTasks::OpenTasks(Core& core, TaskTable& table)
    : core_{core}, table_{table}, tasks_{{.open = core.config.open_tasks,
                                          .per_agent = core.config.agent_queue,
                                          .in_flight = core.config.in_flight,
                                          .bytes = core.config.open_bytes}}
{}

bool OpenTasks::add(TaskRecord task, Observer on_final, std::string* why)
{
    if (!tasks_.add(task, why)) return false;
    if (!table_.save(task)) {
        if (why != nullptr) *why = "Too many tasks wait for the hub's disk; try again later";
        tasks_.fail(task.id, {}, {}, 0);
        return false;
    }
    watch(task, std::move(on_final));
    if (on_began_) on_began_(task);
    return true;
}

void OpenTasks::restore(TaskRecord task)
{
    if (tasks_.add(task)) {
        watch(task, {});
        if (on_began_) on_began_(task);
        return;
    }
    task.state = TaskState::failed;
    task.code = "BUSY";
    task.message = "The hub restarted with limits too small for its open tasks";
    table_.save(task);
}

void OpenTasks::watch(const TaskRecord& task, Observer on_final)
{
    const auto left = std::chrono::milliseconds{std::max<std::int64_t>(0, task.expires - core_.utc())};
    const auto expiry = core_.after(left, [this, id = task.id]() UNDER_LOCK { expired_(id); });
    Timers::Id warning{};
    if (task.shop && task.warned == 0) {
        const auto until = task.created + core_.config.task_warning.count() - core_.utc();
        warning = core_.after(std::chrono::milliseconds{std::max<std::int64_t>(0, until)},
                              [this, id = task.id]() UNDER_LOCK { warn(id); });
    }
    watches_.insert_or_assign(task.id, Watch{std::move(on_final), expiry, warning});
}

// Marks a late task, so that a user interface that shows "printing ..." can show the problem.
void OpenTasks::warn(const std::string& id)
{
    TaskRecord* task = tasks_.edit(id);
    if (task == nullptr) return;
    task->warned = core_.utc();
    table_.save(*task);
    if (on_warning_) on_warning_(*task);
    core_.log(AGH_LOG_WARN, "hub: task " + id + " (" + task->action + ") of " + task->agent + " is " +
                                std::string{to_string(task->state)} + " and not answered after " +
                                std::to_string(core_.config.task_warning.count() / 1000) +
                                " s. Is the agent connected, the device on and loaded?");
}

void OpenTasks::forget(std::string_view id)
{
    if (const auto it = watches_.find(std::string{id}); it != watches_.end()) it->second.on_final = {};
}

std::optional<TaskRecord> OpenTasks::fail(std::string_view id, std::string_view code,
                                          std::string_view message)
{
    const auto dead = tasks_.fail(id, code, message, core_.utc());
    if (dead == nullptr) return std::nullopt;
    end(*dead);
    return std::move(*dead);
}

std::optional<TaskRecord> OpenTasks::finish(std::string_view agent, std::string_view id, TaskRecord outcome)
{
    const auto task = tasks_.finish(agent, id, std::move(outcome), core_.utc());
    if (task == nullptr) return std::nullopt;
    end(*task);
    return std::move(*task);
}

void OpenTasks::end(const TaskRecord& task)
{
    core_.host.record(task.state == TaskState::success ? Metric::tasks_success
                      : task.state == TaskState::error ? Metric::tasks_error
                                                       : Metric::tasks_failed,
                      1);
    table_.save(task);
    Observer on_final;
    if (const auto it = watches_.find(task.id); it != watches_.end()) {
        on_final = std::move(it->second.on_final);
        core_.timers.cancel(it->second.expiry);
        core_.timers.cancel(it->second.warning);
        watches_.erase(it);
    }
    if (on_ended_) on_ended_(task);
    if (on_final) on_final(task);
}

bool OpenTasks::save(std::string_view id)
{
    const TaskRecord* task = tasks_.find(id);
    return task != nullptr && table_.save(*task);
}

} // namespace agenthost::hub
