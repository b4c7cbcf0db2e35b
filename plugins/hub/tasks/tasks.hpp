// The state machine of open tasks, without I/O: takes events and decides what to send and what has ended.
//
//   pending --next()--> dispatched --progress--> running --answer--> success | error
//      ^                    |                        |
//      '---- lost() --------'------------------------'        failed: ttl over, sent too often, agent revoked
//
// When an agent's session ends, its tasks go back to pending and are resent in its next session under the
// same id: the agent's journal answers a repeat without running it twice. After `resends` times the task
// fails. An agent without a journal would run it twice: its tasks go adrift instead, and only a late answer
// counts. Bounds: number and bytes of open tasks in total, per agent and per caller's token (shares.hpp), and
// the number in flight per agent. Not thread-safe: the hub's lock guards it.
//
// More than 25 members: one function for each event and each query of a task.
#pragma once

#include "plugins/hub/core/by_id.hpp"

#include "plugins/hub/core/shares.hpp"
#include "plugins/hub/store/model.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::hub {

class Tasks {
public:
    static constexpr int resends = max_resends;
    struct Limits {
        std::size_t open, per_agent, in_flight;
        std::uint64_t bytes = UINT64_MAX;
    };
    explicit Tasks(Limits limits)
        : limits_{limits}, callers_{limits.open}, caller_bytes_{limits.bytes}, agent_bytes_{limits.bytes}
    {}

    // false: a bound is reached, named in `why`; the task was not added. Also accepts open tasks of an
    // earlier process; one that may not be resent is adrift.
    bool add(TaskRecord, std::string* why = nullptr);
    // The next task to send to this agent, now `dispatched` and counted; nullptr: none, or enough in flight
    // (`window`, if it is less than the limit). A task that was sent too often is moved to `ended` as failed
    // instead. Tasks for which `held` is true are skipped.
    using Held = std::function<bool(const TaskRecord&)>;
    const TaskRecord* next(std::string_view agent, std::int64_t now, std::vector<TaskRecord>& ended,
                           std::size_t window = SIZE_MAX, const Held& held = {});
    // The task from next() could not be sent: returns it to its place in the queue, as if never tried.
    void not_sent(std::string_view id);
    // The agent's session ended.
    void lost(std::string_view agent, std::int64_t now);
    // Tasks sent to the agent more than `redispatch` times go adrift: neither in flight nor resent, by no
    // process. Returns their ids.
    std::vector<std::string> strand(std::string_view agent, int redispatch);
    bool strand(std::string_view id); // this task, if it is in flight
    void progress(std::string_view agent, std::string_view id, std::int64_t now);

    // Ends a task and returns its record with the outcome filled in. nullptr: no such open task (already
    // answered), or another agent's.
    std::unique_ptr<TaskRecord> finish(std::string_view agent, std::string_view id, TaskRecord outcome,
                                       std::int64_t now);
    std::unique_ptr<TaskRecord> fail(std::string_view id, std::string_view code, std::string_view message,
                                     std::int64_t now);
    TaskRecord* edit(std::string_view id); // only to set warned, confirmed, patient and no_resend
    [[nodiscard]] std::vector<std::string> of(std::string_view agent) const;
    // Sent but unanswered tasks: those in flight, then those adrift, oldest first.
    [[nodiscard]] std::vector<const TaskRecord*> unanswered(std::string_view agent) const;
    [[nodiscard]] static std::uint64_t cost(const TaskRecord&); // its bytes in memory and on disk

    [[nodiscard]] const TaskRecord* find(std::string_view id) const;
    [[nodiscard]] std::size_t size() const { return tasks_.size(); }
    [[nodiscard]] std::size_t open(std::string_view agent) const;
    // Tasks of this agent wait to be sent.
    [[nodiscard]] bool has_pending(std::string_view agent) const;
    // This agent was sent the task and has not answered it.
    [[nodiscard]] bool awaits(std::string_view agent, std::string_view id) const;
    [[nodiscard]] std::uint64_t bytes() const { return agent_bytes_.used(); }

private:
    struct Agent {
        std::deque<std::string> pending; // ids, the next one first
        std::size_t in_flight = 0, open = 0;
    };
    std::unique_ptr<TaskRecord> take(std::string_view id);
    Agent* agent(std::string_view id);
    bool has_space(const TaskRecord&, std::uint64_t bytes, std::string* why) const;
    void drift(TaskRecord&);

    const Limits limits_;
    Shares callers_, caller_bytes_, agent_bytes_;
    std::uint64_t added_ = 0;
    ById<TaskRecord> tasks_;
    ById<Agent> agents_; // those with an open task
};

} // namespace agenthost::hub
