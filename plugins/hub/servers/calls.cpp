#include "calls.hpp"

#include "actions.hpp"
#include "remedies.hpp"

#include "base/json_writer.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
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

std::optional<ServerCalls::Waits> ServerCalls::waits_of(const Exchange& exchange, const Head& head)
{
    Waits waits{.answer_s = Calls::default_wait_s};
    for (const auto& [key, seconds] :
         {std::pair{"timeout", &waits.answer_s}, std::pair{"wait", &waits.outcome_s}}) {
        const auto text = query_value(head.query, key);
        if (!text || parse_wait(*text, *seconds)) continue;
        refuse(exchange, "\"" + std::string{key} + "\" is not a number of seconds from 0 to 3600");
        return std::nullopt;
    }
    return waits;
}

ServerOutcomes::Place ServerCalls::reserve(const Exchange& exchange)
{
    std::string why;
    ServerOutcomes::Place place = outcomes_.reserve(exchange.caller(), why);
    if (!place) exchange.busy(why);
    return place;
}

void ServerCalls::answer_outcome(const Exchange& exchange, const TaskRecord& task,
                                 ServerOutcomes::Place place, double outcome_s, const std::string& first)
{
    if (!exchange.there()) return; // the caller has left, and nothing else would end the wait
    // The exchange is answered once; what is left of its waiting must not answer it again.
    const auto owner = std::make_shared<int>(0);
    exchange.on_drain({});
    exchange.on_closed([this, owner]() UNDER_LOCK { outcomes_.drop(owner.get()); });
    outcomes_.await(
        task, std::move(place), std::chrono::duration<double>{outcome_s}, owner.get(),
        [exchange, task, first, owner](const ServerOutcome& outcome) UNDER_LOCK {
            const std::string body = outcome_json(task, outcome, first);
            if (outcome.kind != OutcomeKind::failed)
                return exchange.answer(json_answer(outcome.kind == OutcomeKind::reached ? 200 : 202, body));
            const ServerFault& why = outcome.fault;
            const std::string more = base::json_object("agent", task.agent, "serverId", named_server(task),
                                                       "status", outcome.status);
            exchange.answer(json_answer(
                status_of(why.code),
                server_error(why.code, why.message, {}, std::string_view{more}.substr(1, more.size() - 2))));
        });
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
    const auto waits = waits_of(exchange, request.head);
    if (!waits) return;
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
                [&]() UNDER_LOCK { start(exchange, std::move(call), *waits, std::move(ended)); });
}

void ServerCalls::run_with_body(const HttpRequest& request, const std::string& example, Make make)
{
    const Exchange exchange = request.exchange;
    const auto waits = waits_of(exchange, request.head);
    if (!waits) return;
    const std::string& agent = request.arguments[0];
    const std::string server = request.arguments.size() > 1 ? request.arguments[1] : "";
    with_online(exchange, agent, server, [&]() UNDER_LOCK {
        const auto received = [this, exchange, waits = *waits,
                               make = std::move(make)](const std::string& body) UNDER_LOCK {
            if (auto call = make(exchange, body)) start(exchange, std::move(*call), waits);
        };
        if (example.empty() && !request.head.has_body()) return received("{}");
        calls_.with_body(exchange, request.head, example, received);
    });
}

void ServerCalls::start(const Exchange& exchange, ServerCall call, const Waits& waits,
                        std::function<bool(const TaskRecord&)> ended)
{
    TaskRecord task = calls_.make(std::move(call.agent), std::string{call.action}, std::move(call.params));
    const AgentRecord* agent = fanout_.find(task.agent);
    if (!call.server.empty()) name_server(task, call.server, agent == nullptr ? "" : agent->protocol);
    if (!ended && waits.outcome_s > 0 && aim_of(task) != ServerAim::none) {
        ServerOutcomes::Place place = reserve(exchange);
        if (!place) return;
        ended = [this, exchange, place, seconds = waits.outcome_s](const TaskRecord& done) UNDER_LOCK {
            if (done.state != TaskState::success) return false;
            answer_outcome(exchange, done, place, seconds);
            return true;
        };
    }
    if (changes(call.action)) audit(task, exchange.caller());
    calls_.run(exchange, std::move(task), waits.answer_s,
               {.write = &server_task_json, .location = "/api/tasks/", .ended = std::move(ended)});
}

void ServerCalls::audit(const TaskRecord& task, const std::string& caller)
{
    core_.log(AGH_LOG_INFO, "audit: " + task.action,
              base::json_object("audit", true, "action", task.action, "agent", task.agent, "server",
                                named_server(task), "caller", caller, "task", task.id));
}

} // namespace agenthost::hub
