#include "rest.hpp"

#include "wire/json/json.hpp"

namespace agenthost::hub {

namespace {

namespace json = wire::json;

struct CommandBody {
    std::string action, params = "{}", target;
    double timeout = Calls::default_wait_s;
};

// Empty: it is one. Else what is wrong with it.
std::string parse_command(const std::string& text, CommandBody& out)
{
    std::string why;
    const auto members = json::split(text, why);
    if (!members) return "the body is not a JSON object: " + why;
    for (const json::Member& m : *members) {
        if (m.key == "action") {
            if (m.kind != json::Kind::string || m.text.empty() || m.text.size() > 128)
                return "\"action\" is not a name of 1 to 128 characters";
            out.action = m.text;
        } else if (m.key == "params") {
            if (m.kind != json::Kind::object) return "\"params\" is not an object";
            out.params = m.raw;
        } else if (m.key == "target" || m.key == "serverId") {
            if (m.kind != json::Kind::string || !valid_id(m.text, 256))
                return "\"" + std::string{m.key} + "\" is not a server's id";
            if (!out.target.empty() && out.target != m.text)
                return "\"target\" and \"serverId\" are two names of one thing and differ";
            out.target = m.text;
        } else if (m.key == "timeout") {
            if (m.kind != json::Kind::number || !parse_wait(m.raw, out.timeout))
                return "\"timeout\" is not a number of seconds from 0 to 3600";
        } else {
            return "unknown key \"" + std::string{m.key.substr(0, 64)} +
                   "\"; a command has action, params, target and timeout";
        }
    }
    return out.action.empty() ? "\"action\" is missing" : std::string{};
}

} // namespace

void Rest::request(Conn conn, const Head& head)
{
    if (core_.draining) return calls_.refuse(conn, 503, "BUSY", "The hub is going down");
    const Match found = match(head.method, head.path);
    if (found.route == Route::temp_upload)
        return files_.temp_upload(conn, head, found.arguments[0]); // the URL is the credential
    if (found.route == Route::temp_download) return files_.temp_download(conn, head, found.arguments[0]);
    const auto caller = credentials_.caller(bearer_of(head.header("authorization")), core_.utc());
    if (!caller) {
        core_.host.record(Metric::auth_failures, 1);
        if (const long wait = core_.failed(head.peer); wait > 0) return too_many(conn, wait);
        Answer answer = error_answer(
            401, "AUTH_FAILED", "A valid bearer token is needed; mint one with: agenthost hub token new");
        answer.headers.emplace_back("www-authenticate", "Bearer");
        return core_.answer(conn, std::move(answer));
    }
    if (caller->role == Role::agent)
        return calls_.refuse(conn, 403, "DENIED",
                             "An agent's token is for its own session, not for this API");
    if (found.route == Route::none)
        return calls_.refuse(conn, 404, "NOT_FOUND", "No such route; see the hub's API.md");
    if (found.route == Route::not_allowed) {
        Answer answer = error_answer(405, "METHOD_NOT_ALLOWED", "This route accepts " + found.allow);
        answer.headers.emplace_back("allow", found.allow);
        return core_.answer(conn, std::move(answer));
    }
    core_.exchanges[conn].caller = caller->subject;
    serve(conn, head, found, *caller);
}

void Rest::too_many(Conn conn, long wait)
{
    Answer answer =
        error_answer(429, "RATE_LIMIT", "Too many requests without a valid bearer token; try again later");
    answer.headers.emplace_back("retry-after", std::to_string(wait));
    core_.answer(conn, std::move(answer));
}

void Rest::serve(Conn conn, const Head& head, const Match& found, const Caller& caller)
{
    switch (found.route) {
    case Route::agents: return reports_.agents(conn, head, caller);
    case Route::signed_agents: return signed_.agents(conn, caller);
    case Route::shop_tasks: return print_.create(conn, head, caller);
    case Route::shop_heartbeat: return print_.heartbeats(conn, head, caller);
    default: break;
    }
    const std::string id{found.arguments[0]};
    if (!valid_id(id))
        return calls_.refuse(conn, 400, "INVALID_REQUEST",
                             "The id is longer than 128 bytes or holds control characters");
    if (found.route == Route::run) return runs_.show(conn, id, caller);
    if (found.route == Route::run_output) return runs_.output(conn, head, id, caller);
    if (found.route == Route::task) return tasks_.show(conn, id, caller);
    if (found.route == Route::task_cancel) return tasks_.cancel(conn, head, id, caller);
    if (found.route == Route::shop_task) return print_.show(conn, id, caller);
    if (!caller.sees(id)) return calls_.not_found(conn, id); // as if it did not exist
    serve_agent(conn, head, found, id);
}

void Rest::serve_agent(Conn conn, const Head& head, const Match& found, const std::string& id)
{
    switch (found.route) {
    case Route::agent: return reports_.agent(conn, id);
    case Route::health: return reports_.health(conn, id);
    case Route::metrics: return reports_.metrics(conn, head, id);
    case Route::events: return reports_.history(conn, head, id, Reports::Kind::events, "events");
    case Route::logs: return reports_.history(conn, head, id, Reports::Kind::logs, "logs");
    case Route::signed_agent: return signed_.agent(conn, id);
    case Route::signed_command: return signed_.command(conn, head, id);
    case Route::command: return calls_.with_online(conn, id, [&] { command(conn, head, id); });
    default: break;
    }
    const std::string file{found.arguments[1]};
    if (!valid_id(file, 255))
        return calls_.refuse(conn, 400, "INVALID_REQUEST",
                             "The file id is longer than 255 bytes or holds control characters");
    calls_.with_online(conn, id, [&] {
        if (found.route == Route::file_put)
            files_.put(conn, head, id, file);
        else if (found.route == Route::file_get)
            files_.get(conn, head, id, file);
        else
            files_.remove(conn, id, file);
    });
}

void Rest::command(Conn conn, const Head& head, const std::string& agent)
{
    calls_.with_body(conn, head, R"({"action":"storage.info"})",
                     [this, conn, agent](const std::string& body) { run_command(conn, agent, body); });
}

void Rest::run_command(Conn conn, const std::string& agent, const std::string& body)
{
    CommandBody command;
    if (const std::string wrong = parse_command(body, command); !wrong.empty())
        return calls_.refuse(conn, 400, "INVALID_REQUEST", wrong);
    TaskRecord task = calls_.make(agent, std::move(command.action), std::move(command.params));
    task.target = std::move(command.target);
    calls_.run(conn, std::move(task), command.timeout, {.write = &task_json, .location = "/api/tasks/"});
}

} // namespace agenthost::hub
