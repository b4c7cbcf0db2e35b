// Runs commands on agents: creates tasks, sends them when the agent is connected and ready, ends them and
// notifies waiting callers. Under the hub's lock.
#pragma once

#include "lanes.hpp"
#include "plugins/hub/agents/fanout.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/store/tables.hpp"
#include "tasks.hpp"

#include "wire/message.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace agenthost::hub {

class Commands {
public:
    using Final = std::function<void(const TaskRecord&)>;

    Commands(Core& core, TaskTable& table, Fanout& fanout);
    // Called at the end of every task, including those started by an earlier process.
    void observe(std::function<void(const TaskRecord&)> on_ended) { on_ended_ = std::move(on_ended); }
    // Called before each task is sent, including those started by an earlier process.
    void observe_begin(std::function<void(const TaskRecord&)> on_began) { on_began_ = std::move(on_began); }

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
    void forget(std::string_view id) UNDER_LOCK; // no caller waits any more; the task continues
    void outlive(std::string_view id)
        UNDER_LOCK; // the same, and it survives its agent's absence although it is bound
    void restore(std::vector<TaskRecord>) UNDER_LOCK;

    void agent_ready(const AgentRecord&) UNDER_LOCK;
    void agent_lost(std::string_view agent) UNDER_LOCK;
    void agent_revoked(std::string_view agent) UNDER_LOCK;
    // The agent's session ended because a message was too large: sending the command again would end the next
    // session too.
    void too_large(std::string_view agent) UNDER_LOCK;
    void writable(std::string_view agent) UNDER_LOCK;
    void not_taken(std::string_view agent, std::string_view id) UNDER_LOCK;
    void result(std::string_view agent, const wire::Result&) UNDER_LOCK;
    void progress(std::string_view agent, std::string_view id) UNDER_LOCK;

    [[nodiscard]] const TaskRecord* find(std::string_view id) const UNDER_LOCK { return tasks_.find(id); }
    [[nodiscard]] std::size_t open() const UNDER_LOCK { return tasks_.size(); }
    [[nodiscard]] std::size_t open(std::string_view agent) const UNDER_LOCK { return tasks_.open(agent); }

private:
    struct Watch {
        Final on_final;
        Timers::Id expiry, warning;
    };
    void pump(std::string_view agent) UNDER_LOCK;
    void warn(const std::string& id) UNDER_LOCK;
    std::string id_of(std::string_view agent, const wire::Result&) UNDER_LOCK;
    void watch(const TaskRecord&, Final) UNDER_LOCK;
    void ended(const TaskRecord&) UNDER_LOCK;
    void send(const TaskRecord&, std::vector<TaskRecord>& dead) UNDER_LOCK;
    bool mark(const TaskRecord&) UNDER_LOCK;
    void marked(const std::string& id, std::uint64_t mark, bool ok) UNDER_LOCK;
    void unmark(const std::string& agent) UNDER_LOCK;
    void block(const std::string& agent, std::chrono::milliseconds) UNDER_LOCK;
    [[nodiscard]] std::string_view protocol_name(std::string_view agent, std::string_view action) const
        UNDER_LOCK;
    [[nodiscard]] std::string too_late(const std::string& id) const UNDER_LOCK;
    void watch_lane(const std::string& agent, const std::string& id, int sent) UNDER_LOCK;
    void free_lanes_later(const std::string& agent) UNDER_LOCK;
    void go_adrift(const std::vector<std::string>& ids) UNDER_LOCK;
    void end_unknown(const std::string& id) UNDER_LOCK;
    void watch_absence(const std::string& agent) UNDER_LOCK;
    void agent_stays_away(const std::string& agent) UNDER_LOCK;

    Core& core_;
    TaskTable& table_;
    Fanout& fanout_;
    Tasks tasks_ GUARDED;
    std::unordered_map<std::string, Watch> watches_ GUARDED;
    std::function<void(const TaskRecord&)> on_began_, on_ended_;
    // Agents whose send queue was full, or whose mark could not be written.
    std::unordered_set<std::string> blocked_ GUARDED;
    // Agents that have not yet repeated a command's id: they get one command at a time.
    std::unordered_set<std::string> mute_ GUARDED;
    std::unordered_map<std::string, Timers::Time> away_since_ GUARDED;
    // Connected agents that might run a repeated task twice.
    std::unordered_map<std::string, int> redispatch_ GUARDED;
    // Tasks of those agents that are sent as soon as the mark is on disk. By id; the number distinguishes
    // attempts.
    std::unordered_map<std::string, std::uint64_t> marking_ GUARDED;
    std::uint64_t last_mark_ GUARDED = 0;
    Lanes lanes_ GUARDED; // of agents in mute_, and of disconnected ones
};

} // namespace agenthost::hub
