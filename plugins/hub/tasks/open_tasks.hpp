// Owns the open tasks. Every task begins and ends here: its row, its deadline and warning, and the caller
// that waits for its end. tasks.hpp decides what is sent and what has ended. Under the hub's lock.
#pragma once

#include "plugins/hub/core/core.hpp"
#include "plugins/hub/store/tables.hpp"
#include "tasks.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::hub {

class OpenTasks {
public:
    using Observer = std::function<void(const TaskRecord&)>;

    OpenTasks(Core& core, TaskTable& table);
    void observe_begin(Observer on_began) { on_began_ = std::move(on_began); }
    void observe_end(Observer on_ended) { on_ended_ = std::move(on_ended); }
    void observe_warning(Observer on_warning) { on_warning_ = std::move(on_warning); }
    // Called when a task's deadline has passed; ends it.
    void on_expiry(std::function<void(const std::string& id)> expired) { expired_ = std::move(expired); }

    // false: no space, named in `why`; nothing was added. `on_final` is called at the task's end, unless
    // forget() was called.
    bool add(TaskRecord, Observer on_final, std::string* why) UNDER_LOCK;
    // Adds a task of an earlier process, or fails it if the table is full.
    void restore(TaskRecord) UNDER_LOCK;
    // No caller waits for it any more.
    void forget(std::string_view id) UNDER_LOCK;

    // Both end a task and return its final record; nullopt: no such open task.
    std::optional<TaskRecord> fail(std::string_view id, std::string_view code, std::string_view message)
        UNDER_LOCK;
    std::optional<TaskRecord> finish(std::string_view agent, std::string_view id, TaskRecord outcome)
        UNDER_LOCK;
    // Ends a task that is no longer in tasks(): saves and reports its final record.
    void end(const TaskRecord&) UNDER_LOCK;
    // Saves the task's current state.
    bool save(std::string_view id) UNDER_LOCK;

    [[nodiscard]] Tasks& tasks() UNDER_LOCK { return tasks_; }
    [[nodiscard]] const Tasks& tasks() const UNDER_LOCK { return tasks_; }

private:
    struct Watch {
        Observer on_final;
        Timers::Id expiry, warning;
    };
    void watch(const TaskRecord&, Observer on_final) UNDER_LOCK;
    void warn(const std::string& id) UNDER_LOCK;

    Core& core_;
    TaskTable& table_;
    Tasks tasks_ GUARDED;
    std::unordered_map<std::string, Watch> watches_ GUARDED; // one for each open task
    Observer on_began_, on_ended_, on_warning_;
    std::function<void(const std::string& id)> expired_;
};

} // namespace agenthost::hub
