#include "control.hpp"

#include "actions.hpp"
#include "fleet.hpp"
#include "remedies.hpp"

#include "base/json_depth.hpp"
#include "base/json_writer.hpp"
#include "wire/json/fields.hpp"
#include "wire/json/json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace agenthost::hub {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 4> actions{"hub.server_list", "hub.server_get", "hub.server_do",
                                                  "hub.server_follow"};

struct Verb {
    std::string_view word, action;
};
// What hub.server_get and hub.server_do may ask for.
constexpr std::array reads{Verb{"status", server_action::status}, Verb{"logs", server_action::logs},
                           Verb{"files", server_action::list_files}, Verb{"file", server_action::get_file}};
constexpr std::array writes{Verb{"start", server_action::start},
                            Verb{"stop", server_action::stop},
                            Verb{"restart", server_action::restart},
                            Verb{"kill", server_action::kill},
                            Verb{"delete", server_action::remove},
                            Verb{"reinstall", server_action::reinstall},
                            Verb{"command", server_action::type},
                            Verb{"write", server_action::write_file},
                            Verb{"rm", server_action::delete_file},
                            Verb{"mv", server_action::rename_file},
                            Verb{"cp", server_action::copy_file},
                            Verb{"mkdir", server_action::make_directory},
                            Verb{"chmod", server_action::chmod_file},
                            Verb{"archive", server_action::archive_files},
                            Verb{"extract", server_action::extract_archive}};

std::string_view action_of(const auto& verbs, std::string_view word)
{
    const auto* at = std::find_if(verbs.begin(), verbs.end(), [&](const Verb& v) { return v.word == word; });
    return at == verbs.end() ? std::string_view{} : at->action;
}

std::string text(const json& params, const char* key)
{
    const auto at = params.find(key);
    return at != params.end() && at->is_string() ? at->get<std::string>() : std::string{};
}

std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string with_remedy(const std::string& code, std::string message)
{
    const std::string_view remedy = remedy_of(code);
    if (remedy.empty()) return message;
    if (!message.ends_with('.')) message += '.';
    return message.append(" ").append(remedy);
}

} // namespace

bool ServerControl::takes(std::string_view action)
{
    return std::find(actions.begin(), actions.end(), action) != actions.end();
}

void ServerControl::check_absent(const std::function<bool(std::string_view agent)>& may_return)
{
    for (const auto& agents : {outcomes_.absent(), followers_.absent()}) {
        for (const std::string& agent : agents) {
            if (!may_return(agent)) agent_gone(agent);
        }
    }
}

void ServerControl::ok(const ReplyPtr& reply, std::string json)
{
    waiting_.erase(reply.get());
    core_.strand.post([reply, json = std::move(json)] { reply->ok(json); });
}

void ServerControl::fail(const ReplyPtr& reply, std::string code, std::string message)
{
    waiting_.erase(reply.get());
    core_.strand.post(
        [reply, code = std::move(code), message = std::move(message)] { reply->fail(code, message); });
}

void ServerControl::call(std::string_view action, std::string_view raw, const ReplyPtr& reply)
{
    const json params = base::parse_json<json>(raw);
    if (!params.is_object()) return fail(reply, "INVALID_REQUEST", "params are not an object");
    if (core_.draining) return fail(reply, "BUSY", "The hub is shutting down");
    if (action == "hub.server_list") return list(params, reply);
    if (action == "hub.server_follow") return follow(params, reply);
    if (action == "hub.server_do" && text(params, "do") == "create") return create(params, raw, reply);
    run(params, action == "hub.server_do", reply);
}

void ServerControl::list(const json& params, const ReplyPtr& reply)
{
    ServerFilter filter{.agent = text(params, "agent"),
                        .status = text(params, "status"),
                        .name = text(params, "name"),
                        .image = text(params, "image"),
                        .healthy = {}};
    if (const auto at = params.find("healthy"); at != params.end()) filter.healthy = at->get<bool>();
    const ServerBook::View view = watch_.view([](std::string_view) { return true; });
    const auto page = watch_.book().page(filter, view, text(params, "after"), FleetRest::max_page);
    std::string out = servers_json(page, view);
    out.pop_back();
    ok(reply, out + ",\"now\":" + std::to_string(view.now) + "}");
}

std::optional<std::string> ServerControl::agent_of(const json& params, const ReplyPtr& reply)
{
    const std::string server = text(params, "server"), named = text(params, "agent");
    std::vector<std::string> agents = watch_.book().agents_of(server);
    if (!named.empty()) agents = {named};
    if (agents.empty()) {
        fail(reply, "SERVER_NOT_FOUND",
             "The hub knows no server " + server + ". List them with: agenthost hub server list");
        return std::nullopt;
    }
    if (agents.size() > 1) {
        std::string all;
        for (const std::string& agent : agents) all += (all.empty() ? "" : ", ") + agent + "/" + server;
        fail(reply, "INVALID_REQUEST",
             "Several agents have a server " + server + ": " + all +
                 ". Write one of these in its place, or name the agent with --agent");
        return std::nullopt;
    }
    if (!fanout_.online(agents[0])) {
        fail(reply, "AGENT_OFFLINE",
             with_remedy("AGENT_OFFLINE", "Agent " + agents[0] + " is not connected"));
        return std::nullopt;
    }
    return agents[0];
}

void ServerControl::run(const json& params, bool writing, const ReplyPtr& reply)
{
    const std::string word = text(params, writing ? "do" : "get");
    const std::string_view action = writing ? action_of(writes, word) : action_of(reads, word);
    if (action.empty())
        return fail(reply, "INVALID_REQUEST", "\"" + word + "\" is not an operation on servers");
    const auto agent = agent_of(params, reply);
    if (!agent) return;
    const auto more = params.find("params");
    std::function<bool(const TaskRecord&)> ended;
    const double wait = params.value("wait", 0.0);
    if (wait > 0 && aim_of({.action = std::string{action}}) != ServerAim::none) {
        if (!reserve(reply)) return;
        ended = [this, reply, wait](const TaskRecord& task) UNDER_LOCK {
            if (task.state != TaskState::success) return false;
            answer_outcome(reply, task, wait);
            return true;
        };
    }
    start({.agent = *agent,
           .server = text(params, "server"),
           .action = action,
           .params = more == params.end() ? "{}" : dump(*more)},
          reply, std::move(ended));
}

void ServerControl::answer_outcome(const ReplyPtr& reply, const TaskRecord& task, double wait_s,
                                   const std::string& first)
{
    const auto place = waiting_.extract(reply.get());
    if (place.empty()) return; // it has left
    outcomes_.await(task, place.mapped(), std::chrono::duration<double>{wait_s}, reply.get(),
                    [this, reply, task, first](const ServerOutcome& outcome) UNDER_LOCK {
                        if (outcome.kind != OutcomeKind::failed)
                            return ok(reply, outcome_json(task, outcome, first));
                        fail(reply, outcome.fault.code,
                             with_remedy(outcome.fault.code, outcome.fault.message));
                    });
}

bool ServerControl::reserve(const ReplyPtr& reply)
{
    std::string why;
    ServerOutcomes::Place place = outcomes_.reserve("the command line", why);
    if (!place) {
        fail(reply, "BUSY", why + " (--no-wait)");
        return false;
    }
    waiting_[reply.get()] = std::move(place);
    return true;
}

void ServerControl::start(ServerCall call, const ReplyPtr& reply,
                          std::function<bool(const TaskRecord&)> ended)
{
    TaskRecord task = calls_.make(std::move(call.agent), std::string{call.action}, std::move(call.params));
    const AgentRecord* agent = fanout_.find(task.agent);
    name_server(task, call.server, agent == nullptr ? "" : agent->protocol);
    std::string why = commands_.check(task);
    if (!why.empty()) return fail(reply, "INVALID_REQUEST", why);
    const bool started = commands_.start(
        std::move(task),
        [this, reply, ended = std::move(ended)](const TaskRecord& done) UNDER_LOCK {
            if (ended && ended(done)) return;
            if (done.state == TaskState::success) return ok(reply, done.data.empty() ? "{}" : done.data);
            fail(reply, done.code, with_remedy(done.code, done.message));
        },
        &why);
    if (!started) fail(reply, "BUSY", why);
}

// Keeps the order of the configuration's members: the first port of an egg is its main one.
void ServerControl::create(const json& params, std::string_view raw, const ReplyPtr& reply)
{
    std::string why, body, code;
    const auto members = wire::json::split(raw, why);
    const wire::json::Member* given = members ? wire::find(*members, "params") : nullptr;
    const std::string_view inner = given == nullptr ? "{}" : given->raw;
    const auto config = wire::json::split(inner, why);
    if (!config) return fail(reply, "INVALID_REQUEST", "params: " + why);
    base::JsonWriter writer{body};
    writer.object();
    const std::string server = text(params, "server"), agent = text(params, "agent");
    if (!server.empty()) writer.member("serverId", server);
    if (!agent.empty()) writer.array("agents").value(agent).end();
    for (const wire::json::Member& m : *config)
        if (m.key != "agents" && (m.key != "serverId" || server.empty())) wire::write_member(writer, m);
    writer.end();
    auto read = read_create(body, true, code, why);
    if (!read) return fail(reply, code, with_remedy(code, why));
    const double wait = params.value("wait", 0.0);
    if (wait > 0 && !reserve(reply)) return;
    auto job = std::make_shared<Placer::Job>();
    job->body = std::move(*read);
    job->sees = [](std::string_view) { return true; };
    job->start = [this, reply](ServerCall call, std::function<bool(const TaskRecord&)> ended)
                     UNDER_LOCK { start(std::move(call), reply, std::move(ended)); };
    job->answer = [this, reply, wait](const Placer::Outcome& outcome) UNDER_LOCK {
        if (outcome.task && wait > 0)
            return answer_outcome(reply, *outcome.task, wait,
                                  outcome.json.substr(1, outcome.json.size() - 2));
        if (outcome.code.empty()) return ok(reply, outcome.json);
        fail(reply, outcome.code, with_remedy(outcome.code, outcome.message));
    };
    placer_.run(job);
}

void ServerControl::follow(const json& params, const ReplyPtr& reply)
{
    const auto agent = agent_of(params, reply);
    if (!agent) return;
    followers_.add(reply, {.agent = *agent,
                           .server = text(params, "server"),
                           .tail = params.value("tail", std::uint32_t{100}),
                           .follow = params.value("follow", true)});
}

} // namespace agenthost::hub
