// Runs commands on agents: creates tasks, cancels them, and returns what is open. Owns the parts that do the
// rest: OpenTasks (begin, deadline, end), CommandSender (order and repetition), Absence (agents that do not
// return), TaskEvents (what agents report). Under the hub's lock.
#pragma once

#include "absence.hpp"
#include "open_tasks.hpp"
#include "plugins/hub/agents/fanout.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/store/tables.hpp"
#include "sender.hpp"
#include "task_events.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

class Commands {
public:
    using Final = OpenTasks::Observer;

    Commands(Core& core, TaskTable& table, Fanout& fanout);
    // Called at the end of every task, including those started by an earlier process.
    void observe(OpenTasks::Observer on_ended) UNDER_LOCK { open_.observe_end(std::move(on_ended)); }
    // Called before each task is sent, including those started by an earlier process.
    void observe_begin(OpenTasks::Observer on_began) UNDER_LOCK { open_.observe_begin(std::move(on_began)); }
    // Called when a shop's task is not answered in time.
    void observe_warning(OpenTasks::Observer on_warning) UNDER_LOCK
    {
        open_.observe_warning(std::move(on_warning));
    }

    static std::string new_id();
    // command_check.hpp with the agent's current protocol.
    [[nodiscard]] std::string check(TaskRecord&) const UNDER_LOCK;
    // `on_final` is called exactly once unless forget() is called, perhaps before start() returns. false: too
    // many tasks are open, or check() refuses it; `why` has the reason, for people.
    bool start(TaskRecord, Final on_final, std::string* why = nullptr) UNDER_LOCK;
    // Cancels a task that has not been sent; false: already sent, or no such task.
    bool cancel(std::string_view id) UNDER_LOCK;
    // Ends an open task with CANCELLED, sent or not, and returns its final record. nullopt: no such task.
    std::optional<TaskRecord> abandon(std::string_view id, std::string_view why) UNDER_LOCK;
    // No caller waits any more; the task continues.
    void forget(std::string_view id) UNDER_LOCK { open_.forget(id); }
    // The same, and it survives its agent's absence although it is bound.
    void outlive(std::string_view id) UNDER_LOCK;
    void restore(std::vector<TaskRecord>) UNDER_LOCK;

    // What agents do and report.
    [[nodiscard]] TaskEvents& events() UNDER_LOCK { return events_; }

    [[nodiscard]] const TaskRecord* find(std::string_view id) const UNDER_LOCK
    {
        return open_.tasks().find(id);
    }
    [[nodiscard]] std::size_t open() const UNDER_LOCK { return open_.tasks().size(); }
    [[nodiscard]] std::size_t open(std::string_view agent) const UNDER_LOCK
    {
        return open_.tasks().open(agent);
    }

private:
    Core& core_;
    Fanout& fanout_;
    OpenTasks open_ GUARDED;
    Absence absence_ GUARDED;
    CommandSender sender_ GUARDED;
    TaskEvents events_ GUARDED;
};

} // namespace agenthost::hub
