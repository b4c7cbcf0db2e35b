// Shared by the REST calls on agents: checks the agent, receives the body, and runs a task until its end or
// 202. Under the hub's lock.
#pragma once

#include "commands.hpp"

#include "base/json_writer.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/credentials/agent_credentials.hpp"
#include "plugins/hub/http/exchanges.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace agenthost::hub {

class Calls {
public:
    static constexpr std::uint64_t max_body = 512 << 10; // of a command; a frame to an agent is at most 1 MiB
    static constexpr double default_wait_s = 30, max_wait_s = 3600;

    Calls(Core& core, const AgentCredentials& credentials, Fanout& fanout, Registry& registry,
          TaskTable& table, Commands& commands)
        : core_{core},
          credentials_{credentials}, fanout_{fanout}, registry_{registry}, table_{table}, commands_{commands}
    {}

    // Answers a caller of REST or of the command line: called once at most, with an error or an answer.
    using Answering = std::function<void(Answer)>;

    // Calls `then` when the agent is connected; else answers 404 or 503.
    void with_online(const Exchange&, const std::string& agent, const std::function<void()>& then) UNDER_LOCK;
    // Calls `then` when the hub knows the agent, connected or not; else answers 404.
    void with_known(const Exchange&, const std::string& agent, const std::function<void()>& then) UNDER_LOCK;
    void with_known(const Answering&, const std::string& agent, const std::function<void()>& then) UNDER_LOCK;
    // Receives the body as text; refuses a missing or too large one. `example` is shown in the refusal.
    void with_body(const Exchange&, const Head&, const std::string& example,
                   std::function<void(const std::string&)> then) UNDER_LOCK;

    struct Form { // how the answer shows a task
        std::function<std::string(const TaskRecord&)> write;
        std::string location; // ends with '/': the URL prefix of the task
        // Called when the task ends while the caller waits; true: it has answered, or will.
        std::function<bool(const TaskRecord&)> ended = {};
    };
    // A task for the agent, with id and expiry.
    [[nodiscard]] TaskRecord make(std::string agent, std::string action, std::string params) const;
    // Checks it (command_check.hpp), starts it and answers when it ends, with the matching status; after
    // `wait_s` with 202, once it is on disk.
    void run(const Exchange&, TaskRecord, double wait_s, Form) UNDER_LOCK;
    // Checks it, starts it and answers 202 once it is on disk.
    void enqueue(const Exchange&, TaskRecord, const Form&) UNDER_LOCK;
    // The same; the task counts against its `caller`.
    void enqueue(const Answering&, TaskRecord, const Form&) UNDER_LOCK;
    // A task by its id, open or ended; else 404.
    void find(const Exchange&, const std::string& id, std::function<void(const TaskRecord&)> then) UNDER_LOCK;
    void find(const Answering&, const std::string& id, std::function<void(const TaskRecord&)> then)
        UNDER_LOCK;

    static void no_agent(const Exchange&, const std::string& id) UNDER_LOCK; // 404
    static void no_task(const Exchange&, const std::string& id) UNDER_LOCK;  // 404
    static Answer no_agent(const std::string& id);
    static Answer no_task(const std::string& id);
    // Answers on this exchange.
    static Answering on(const Exchange& exchange)
    {
        return [exchange](Answer answer) UNDER_LOCK { exchange.answer(std::move(answer)); };
    }

private:
    void accepted(const Answering&, const std::string& id, const Form&) UNDER_LOCK;

    Core& core_;
    const AgentCredentials& credentials_;
    Fanout& fanout_;
    Registry& registry_;
    TaskTable& table_;
    Commands& commands_;
};

std::string task_json(const TaskRecord&);
// The same, with the member `cancel`: the effect of the cancellation.
std::string cancel_json(const TaskRecord&, std::string_view cancel);
// Writes the member `dropped` of a task whose result was dropped.
void write_dropped(base::JsonWriter&, const TaskRecord&);
// Writes the member `error`; nothing when the code is empty.
void write_error(base::JsonWriter&, std::string_view code, std::string_view message, std::string_view detail);

// "timeout" of a body: seconds from 0 to max_wait_s; false: something else.
bool parse_wait(std::string_view raw, double& seconds);
// "limit" of a query, from 1 to `max`; nullopt: something else.
std::optional<std::size_t> parse_limit(std::string_view query, std::size_t otherwise, std::size_t max);

} // namespace agenthost::hub
