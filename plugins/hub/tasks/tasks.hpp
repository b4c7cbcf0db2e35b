// The open tasks as a state machine without I/O: told what happened, it says what to send and what ended.
//
//   pending --next()--> dispatched --progress--> running --answer--> success | error
//      ^                    |                        |
//      '---- lost() --------'------------------------'        failed: ttl over, sent too often, agent revoked
//
// When an agent's session ends, what it had goes back to pending and is sent again, under the same id, on its next session: the
// agent's journal answers a repeat without doing the work twice. At most `resends` times, then the task fails. An agent without a journal
// would do it twice: its tasks go adrift() instead, and only an answer that still comes counts.
// Bounds: number and bytes of open tasks in all, for each agent and for each caller's token (shares.hpp), and those one agent has in
// flight. Not thread-safe: the hub's lock guards it.
#pragma once

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

    // false: a bound is reached, `why` says which; nothing was taken. Also takes tasks of an earlier process that are still open.
    bool add(TaskRecord, std::string* why = nullptr);
    // The next one to send to this agent, now `dispatched` and counted; nullptr: none, or enough in flight (`window`, when it is less
    // than the limit). A task that was sent too often is moved to `ended` as failed instead. Those that `held` names are passed over.
    using Held = std::function<bool(const TaskRecord&)>;
    const TaskRecord* next(std::string_view agent, std::int64_t now, std::vector<TaskRecord>& ended,
                           std::size_t window = SIZE_MAX, const Held& held = {});
    // What next() gave could not be sent: in its old place in the line again, as if never tried.
    void not_sent(std::string_view id);
    // The agent's session ended.
    void lost(std::string_view agent, std::int64_t now);
    // What was sent to the agent more than `redispatch` times goes adrift: neither in flight nor sent again. Which ones did.
    std::vector<std::string> strand(std::string_view agent, int redispatch);
    bool strand(std::string_view id); // this one, when it is in flight
    void progress(std::string_view agent, std::string_view id, std::int64_t now);

    // Ends a task; its record with the outcome filled in. nullptr: no such open task (answered already), or another agent's.
    std::unique_ptr<TaskRecord> finish(std::string_view agent, std::string_view id, TaskRecord outcome,
                                       std::int64_t now);
    std::unique_ptr<TaskRecord> fail(std::string_view id, std::string_view code, std::string_view message,
                                     std::int64_t now);
    TaskRecord* edit(std::string_view id); // marks only: warned, confirmed
    [[nodiscard]] std::vector<std::string> of(std::string_view agent) const;
    // Sent and not answered: those in flight, then those adrift, each the oldest first.
    [[nodiscard]] std::vector<const TaskRecord*> unanswered(std::string_view agent) const;
    [[nodiscard]] static std::uint64_t cost(const TaskRecord&); // its bytes in memory and on disk

    [[nodiscard]] const TaskRecord* find(std::string_view id) const;
    [[nodiscard]] std::size_t size() const { return tasks_.size(); }
    [[nodiscard]] std::size_t open(std::string_view agent) const;
    [[nodiscard]] std::uint64_t bytes() const { return agent_bytes_.used(); }

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
    };
    struct Agent {
        std::deque<std::string> pending; // ids, the next one first
        std::size_t in_flight = 0, open = 0;
    };
    std::unique_ptr<TaskRecord> take(std::string_view id);
    Agent* agent(std::string_view id);
    bool has_room(const TaskRecord&, std::uint64_t bytes, std::string* why) const;
    void drift(TaskRecord&);

    const Limits limits_;
    Shares callers_, caller_bytes_, agent_bytes_;
    std::uint64_t added_ = 0;
    std::unordered_map<std::string, TaskRecord, Hash, std::equal_to<>> tasks_;
    std::unordered_map<std::string, Agent, Hash, std::equal_to<>> agents_; // those with an open task
};

} // namespace agenthost::hub
