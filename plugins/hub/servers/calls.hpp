// Runs one action on a game server for a REST caller: by the hub's commands (tasks/calls.hpp), whatever the
// agent's protocol, with an audit line for what changes something. Under the hub's lock.
//
// A success is answered with the agent's data. An error has the agent's code with its HTTP status, a remedy,
// and the task's fields.
#pragma once

#include "outcomes.hpp"
#include "plugins/hub/agents/fanout.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/http/router.hpp"
#include "plugins/hub/tasks/calls.hpp"
#include "watch.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::hub {

struct ServerCall {
    std::string agent, server; // server: empty for actions of all servers of the agent
    std::string_view action;
    std::string params = "{}";
};

class ServerCalls {
public:
    ServerCalls(Core& core, Calls& calls, Fanout& fanout, ServerWatch& watch, ServerOutcomes& outcomes)
        : core_{core}, calls_{calls}, fanout_{fanout}, watch_{watch}, outcomes_{outcomes}
    {}

    struct Waits {
        double answer_s = 0;  // `?timeout=`: for the agent's answer, then 202
        double outcome_s = 0; // `?wait=`: after it, for what the action leads to; 0: no wait
    };

    // Answers a successful task in another way than with its data.
    using Show = std::function<Answer(const TaskRecord&)>;
    // Runs it and waits for `?timeout=` seconds, then answers 202 with the task. After a success, `?wait=`.
    void run(const HttpRequest&, ServerCall, Show = {}) UNDER_LOCK;
    // The same after the request's body was received, which must be a JSON object, or may be missing when
    // there is no `example`. `make` returns the call, or answers and returns nullopt.
    using Make = std::function<std::optional<ServerCall>(const Exchange&, const std::string& body)>;
    void run_with_body(const HttpRequest&, const std::string& example, Make) UNDER_LOCK;

    // Calls `then` when the agent is connected; else answers 404 or 503, with what is known of the server.
    void with_online(const Exchange&, const std::string& agent, const std::string& server,
                     const std::function<void()>& then) UNDER_LOCK;
    // Without the request: `waits` as read by waits_of(). `ended`: see Calls::Form.
    void start(const Exchange&, ServerCall, const Waits& waits,
               std::function<bool(const TaskRecord&)> ended = {}) UNDER_LOCK;
    // nullopt: answered 400.
    std::optional<Waits> waits_of(const Exchange&, const Head&) UNDER_LOCK;
    // The task has succeeded: waits for what it leads to, and answers. `first`: see outcome_json().
    void answer_outcome(const Exchange&, const TaskRecord&, ServerOutcomes::Place, double outcome_s,
                        const std::string& first = {}) UNDER_LOCK;
    // For a wait of this caller; nullptr: answered 503.
    ServerOutcomes::Place reserve(const Exchange&) UNDER_LOCK;

    // 400.
    static void refuse(const Exchange&, const std::string& why) UNDER_LOCK;

private:
    void audit(const TaskRecord&, const std::string& caller) UNDER_LOCK;

    Core& core_;
    Calls& calls_;
    Fanout& fanout_;
    ServerWatch& watch_;
    ServerOutcomes& outcomes_;
};

// {"error":{"code","message","detail"?,"remedy"?}, members}; `members` are JSON members without braces.
std::string server_error(std::string_view code, std::string_view message, std::string_view detail = {},
                         std::string_view members = {});
// A task as the answer of a server's route.
std::string server_task_json(const TaskRecord&);
// Whether the action changes something.
bool changes(std::string_view action);

} // namespace agenthost::hub
