#include "calls.hpp"

#include "actions.hpp"
#include "remedies.hpp"

#include "base/json_writer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace agenthost::hub {

namespace {

constexpr std::array reading{server_action::list, server_action::status, server_action::logs,
                             server_action::list_files, server_action::get_file};

void write_problem(base::JsonWriter& json, std::string_view code, std::string_view message,
                   std::string_view detail)
{
    json.object("error").member("code", code).member("message", message);
    if (!detail.empty()) json.member("detail", detail);
    if (const auto remedy = remedy_of(code); !remedy.empty()) json.member("remedy", remedy);
    json.end();
}

} // namespace

bool changes(std::string_view action)
{
    return std::find(reading.begin(), reading.end(), action) == reading.end();
}

std::string server_error(std::string_view code, std::string_view message, std::string_view detail,
                         std::string_view members)
{
    std::string out;
    base::JsonWriter json{out};
    json.object();
    write_problem(json, code, message, detail);
    json.raw_members(members).end();
    return out;
}

std::string server_task_json(const TaskRecord& task)
{
    if (task.state == TaskState::success) return task.data.empty() ? "{}" : task.data;
    std::string out;
    base::JsonWriter json{out};
    json.object();
    if (!task.code.empty()) write_problem(json, task.code, task.message, task.detail);
    json.member("id", task.id).member("agent", task.agent);
    if (const std::string server = named_server(task); !server.empty()) json.member("serverId", server);
    json.member("action", task.action).member("status", to_string(task.state));
    json.member("created", task.created).member("expires", task.expires);
    if (final(task.state) && !task.data.empty()) json.member("data", base::RawJson{task.data});
    json.end();
    return out;
}

void ServerCalls::refuse(const Exchange& exchange, const std::string& why)
{
    exchange.refuse(400, "INVALID_REQUEST", why);
}

std::optional<double> ServerCalls::wait_of(const Exchange& exchange, const Head& head)
{
    double seconds = Calls::default_wait_s;
    const auto text = query_value(head.query, "timeout");
    if (!text || parse_wait(*text, seconds)) return seconds;
    refuse(exchange, "\"timeout\" is not a number of seconds from 0 to 3600");
    return std::nullopt;
}

void ServerCalls::with_online(const Exchange& exchange, const std::string& agent, const std::string& server,
                              const std::function<void()>& then)
{
    if (fanout_.online(agent)) return then();
    calls_.with_known(exchange, agent, [this, exchange, agent, server]() UNDER_LOCK {
        std::string last;
        if (const ServerRecord* record = watch_.book().find(agent, server)) {
            last = "\"lastKnown\":";
            base::JsonWriter json{last};
            write_server(json, *record, false, core_.utc());
        }
        exchange.answer(json_answer(
            503, server_error("AGENT_OFFLINE", "Agent " + agent + " is not connected", {}, last)));
    });
}

void ServerCalls::run(const HttpRequest& request, ServerCall call, Show show)
{
    const Exchange exchange = request.exchange;
    const auto wait = wait_of(exchange, request.head);
    if (!wait) return;
    std::function<bool(const TaskRecord&)> ended;
    if (show) {
        ended = [exchange, show = std::move(show)](const TaskRecord& task) UNDER_LOCK {
            if (task.state != TaskState::success) return false;
            exchange.answer(show(task));
            return true;
        };
    }
    const std::string agent = call.agent, server = call.server;
    with_online(exchange, agent, server,
                [&]() UNDER_LOCK { start(exchange, std::move(call), *wait, std::move(ended)); });
}

void ServerCalls::run_with_body(const HttpRequest& request, const std::string& example, Make make)
{
    const Exchange exchange = request.exchange;
    const auto wait = wait_of(exchange, request.head);
    if (!wait) return;
    const std::string& agent = request.arguments[0];
    const std::string server = request.arguments.size() > 1 ? request.arguments[1] : "";
    with_online(exchange, agent, server, [&]() UNDER_LOCK {
        const auto received = [this, exchange, wait = *wait, make = std::move(make)](const std::string& body)
                                  UNDER_LOCK {
                                      if (auto call = make(exchange, body))
                                          start(exchange, std::move(*call), wait);
                                  };
        if (example.empty() && !request.head.has_body()) return received("{}");
        calls_.with_body(exchange, request.head, example, received);
    });
}

void ServerCalls::start(const Exchange& exchange, ServerCall call, double wait_s,
                        std::function<bool(const TaskRecord&)> ended)
{
    TaskRecord task = calls_.make(std::move(call.agent), std::string{call.action}, std::move(call.params));
    const AgentRecord* agent = fanout_.find(task.agent);
    if (!call.server.empty()) name_server(task, call.server, agent == nullptr ? "" : agent->protocol);
    if (changes(call.action)) audit(task, exchange.caller());
    calls_.run(exchange, std::move(task), wait_s,
               {.write = &server_task_json, .location = "/api/tasks/", .ended = std::move(ended)});
}

void ServerCalls::audit(const TaskRecord& task, const std::string& caller)
{
    core_.log(AGH_LOG_INFO, "audit: " + task.action,
              base::json_object("audit", true, "action", task.action, "agent", task.agent, "server",
                                named_server(task), "caller", caller, "task", task.id));
}

} // namespace agenthost::hub
