// Sends open tasks to connected agents: in order, as many at once as the agent accepts, and each no more
// often than the agent can bear (AgentRecord::redispatch). An agent that does not repeat ids in its answers
// gets one command at a time (unanswered_names.hpp). Under the hub's lock.
//
// More than 25 members: the parts that it connects, and one function for each step of sending.
#pragma once

#include "absence.hpp"
#include "open_tasks.hpp"
#include "plugins/hub/agents/fanout.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/store/tables.hpp"
#include "send_marks.hpp"
#include "unanswered_names.hpp"

#include "wire/message.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace agenthost::hub {

class CommandSender {
public:
    CommandSender(Core& core, TaskTable& table, Fanout& fanout, OpenTasks& open, Absence& absence)
        : core_{core}, table_{table}, fanout_{fanout}, open_{open}, absence_{absence}
    {}

    // Sends what can be sent to this agent now.
    void pump(std::string_view agent) UNDER_LOCK;

    // Both decide which of its tasks are not sent again; they go adrift.
    void connected(const AgentRecord&) UNDER_LOCK;
    void disconnected(const std::string& agent) UNDER_LOCK;
    void revoked(std::string_view agent) UNDER_LOCK { unanswered_.forget(agent); }
    // Its send queue has space again.
    void writable(std::string_view agent) UNDER_LOCK;
    // Its send queue had no space for this task.
    void not_taken(const std::string& agent, std::string_view id) UNDER_LOCK;
    // The task that an answer belongs to; empty: none of the open ones.
    [[nodiscard]] std::string id_of(std::string_view agent, const wire::Result&) UNDER_LOCK;
    // Why a task was not answered before its deadline, for people.
    [[nodiscard]] std::string why_unanswered(std::string_view id) const UNDER_LOCK;

private:
    void send(const TaskRecord&, std::vector<TaskRecord>& dead) UNDER_LOCK;
    // For an agent that would run a repeated command twice: records on disk that it was sent, then sends it.
    // false: nothing can be written now.
    bool mark(const TaskRecord&) UNDER_LOCK;
    void record_open() UNDER_LOCK;
    void marked(const std::string& id, std::uint64_t attempt, bool ok) UNDER_LOCK;
    void block(const std::string& agent, std::chrono::milliseconds) UNDER_LOCK;
    void watch_answer(const std::string& agent, const std::string& id, int sent) UNDER_LOCK;
    void release_names_later(const std::string& agent) UNDER_LOCK;
    [[nodiscard]] std::string_view protocol_name(std::string_view agent, std::string_view action) const
        UNDER_LOCK;

    Core& core_;
    TaskTable& table_;
    Fanout& fanout_;
    OpenTasks& open_;
    Absence& absence_;
    UnansweredNames unanswered_ GUARDED;
    SendMarks marks_ GUARDED;
    // Agents whose send queue was full, or whose mark could not be written.
    IdSet blocked_ GUARDED;
    // Connected agents that might run a repeated task twice, and how often each task may be resent.
    ById<int> redispatch_ GUARDED;
    // The number of open tasks that the metric shows.
    std::size_t recorded_ GUARDED = SIZE_MAX;
};

} // namespace agenthost::hub
