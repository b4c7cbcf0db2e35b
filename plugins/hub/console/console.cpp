#include "console.hpp"

#include "base/base64.hpp"
#include "base/json_depth.hpp"
#include "base/json_writer.hpp"
#include "plugins/hub/http/not_saved.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <utility>

namespace agenthost::hub {

using nlohmann::json;

namespace {

using namespace std::chrono_literals;

// An interactive command may take long: the agent's or the caller's timeout limits it.
constexpr auto max_run_time = std::chrono::hours{24 * 7};
constexpr auto after_timeout = 60s; // for the agent's grace periods and the reply

constexpr std::array<std::string_view, 6> actions{"hub.exec",   "hub.attach",    "hub.input",
                                                  "hub.resize", "hub.interrupt", "hub.runs"};

std::string text(const json& params, const char* key)
{
    const auto at = params.find(key);
    return at != params.end() && at->is_string() ? at->get<std::string>() : std::string{};
}

} // namespace

Console::Console(Core& core, const AgentCredentials& credentials, Fanout& fanout, Registry& registry,
                 Runs& runs, Requests& requests)
    : core_{core}, credentials_{credentials}, fanout_{fanout}, registry_{registry}, runs_{runs},
      requests_{requests}, viewers_{core, fanout, runs}, typing_{core, fanout, runs}
{
    runs_.observe(
        {.status = [this](const Run& run) UNDER_LOCK { typing_.status(run); }, .output = {}, .queue = {}});
}

bool Console::takes(std::string_view action)
{
    return std::find(actions.begin(), actions.end(), action) != actions.end();
}

void Console::ok(const ReplyPtr& reply, std::string text)
{
    core_.strand.post([reply, text = std::move(text)] { reply->ok(text); });
}

void Console::fail(const ReplyPtr& reply, std::string code, std::string message)
{
    core_.strand.post(
        [reply, code = std::move(code), message = std::move(message)] { reply->fail(code, message); });
}

void Console::say(const ReplyPtr& reply, std::string text)
{
    core_.strand.post([reply, text = std::move(text)] { reply->progress(text); });
}

void Console::call(std::string_view action, std::string_view raw, const ReplyPtr& reply)
{
    const json params = base::parse_json<json>(raw);
    if (!params.is_object()) return fail(reply, "INVALID_REQUEST", "params are not an object");
    if (core_.draining) return fail(reply, "BUSY", "The hub is shutting down");
    if (action == "hub.exec") return exec(params, reply);
    if (action == "hub.attach") return attach(params, reply);
    if (action == "hub.input") return input(params, reply);
    if (action == "hub.runs") return list(params, reply);
    if (action == "hub.interrupt")
        return interrupt({.id = text(params, "id"), .force = params.value("force", false), .reply = reply});
    runs_.control().resize(text(params, "id"), params.at("cols").get<unsigned>(),
                           params.at("rows").get<unsigned>(),
                           [this, reply](const Requests::Answer& answer) UNDER_LOCK {
                               if (answer.ok)
                                   ok(reply, "{}");
                               else
                                   fail(reply, answer.code, answer.message);
                           });
}

void Console::with_online(const std::string& agent, const ReplyPtr& reply, const std::function<void()>& then)
{
    if (fanout_.online(agent)) return then();
    const auto away = [this, agent, reply]() UNDER_LOCK {
        fail(reply, "AGENT_OFFLINE", "Agent " + agent + " is not connected");
    };
    if (credentials_.knows(agent)) return away();
    const bool asked = registry_.find(agent, [this, agent, reply, away](bool ok, const auto& found) {
        core_.strand.run([&]() UNDER_LOCK {
            if (!ok) {
                const auto why = why_not_saved(core_.config.database);
                fail(reply, why.code, "The hub could not read its database. " + why.text);
            } else if (found)
                away();
            else
                fail(reply, "AGENT_NOT_FOUND",
                     "This hub does not know agent " + agent +
                         ". List agents with: agenthost hub agent list");
        });
    });
    if (!asked) fail(reply, "BUSY", "The hub is overloaded; try again later");
}

void Console::exec(const json& params, const ReplyPtr& reply)
{
    const std::string agent = text(params, "agent");
    with_online(agent, reply, [&]() UNDER_LOCK { begin(agent, params, reply); });
}

void Console::begin(const std::string& agent, const json& params, const ReplyPtr& reply)
{
    const bool interrupts = text(params, "leave") != "detach";
    json for_agent = params;
    for_agent.erase("agent");
    for_agent.erase("leave");
    TaskRecord task = runs_.make(agent, for_agent.dump(-1, ' ', false, json::error_handler_t::replace));
    const auto timeout = params.value("timeoutMs", std::int64_t{0});
    const auto max_ms = std::chrono::milliseconds{max_run_time}.count();
    task.expires =
        core_.utc() +
        (timeout > 0
             ? std::min<std::int64_t>(timeout + std::chrono::milliseconds{after_timeout}.count(), max_ms)
             : max_ms);
    task.bound = interrupts; // its caller waits on an open connection
    if (const std::string why = runs_.check(task); !why.empty()) return fail(reply, "INVALID_REQUEST", why);
    const std::string id = task.id;
    const AgentRecord& there = *fanout_.find(agent);
    std::string notice;
    if (!carries_output(there))
        notice = "agent " + agent + " speaks " + there.protocol +
                 ", which cannot carry a command's output: only its exit code arrives";
    typing_.begun(id);
    // For a protocol that does not report the start of a command, it starts when it is sent.
    if (notice.empty())
        say(reply, base::json_object("id", id, "status", "sent"));
    else
        say(reply, base::json_object("id", id, "status", "running", "notice", notice));
    std::string why;
    if (!runs_.start(std::move(task), &why)) {
        typing_.forget(id);
        return fail(reply, "BUSY", why);
    }
    viewers_.add(reply, id, 0, interrupts, notice);
    if (const Run* run = runs_.find(id); run != nullptr && run->state == RunState::running)
        say(reply, base::json_object("id", id, "status", "running"));
}

void Console::attach(const json& params, const ReplyPtr& reply)
{
    const std::string id = text(params, "id");
    const Run* run = runs_.find(id);
    if (run == nullptr)
        return fail(reply, "COMMAND_NOT_FOUND",
                    "There is no run " + id + ". List them with: agenthost hub runs");
    say(reply, base::json_object("id", id, "status", to_string(run->state), "replay", run->output.end()));
    viewers_.add(reply, id, params.value("offset", std::uint64_t{0}), false);
}

void Console::input(const json& params, const ReplyPtr& reply)
{
    RunControl::Input input{.data = text(params, "data"),
                            .base64 = text(params, "encoding") == "base64",
                            .eof = params.value("eof", false),
                            .offset = {}};
    std::size_t size = input.data.size();
    if (input.base64) {
        const auto bytes = base::from_base64(input.data);
        if (!bytes) return fail(reply, "INVALID_REQUEST", "\"data\" is not base64");
        size = bytes->size();
    }
    typing_.type(text(params, "id"), std::move(input), size, reply);
}

void Console::interrupt(Ask ask)
{
    const Run* run = runs_.find(ask.id);
    if (run == nullptr || run->over()) {
        if (ask.reply)
            fail(ask.reply, "COMMAND_NOT_FOUND",
                 run == nullptr ? "There is no run " + ask.id : "Run " + ask.id + " has ended");
        return;
    }
    const std::string id = ask.id;
    const bool force = ask.force;
    runs_.control().interrupt(id, force,
                              [this, ask = std::move(ask)](const Requests::Answer& answer) UNDER_LOCK {
                                  if (answer.code == "AGENT_OFFLINE" || answer.code == "TIMEOUT") {
                                      later(ask.id, ask.force);
                                      if (ask.reply) ok(ask.reply, R"({"status":"waiting"})");
                                  } else if (!ask.reply) {
                                      return;
                                  } else if (answer.ok) {
                                      ok(ask.reply, answer.data.empty() ? "{}" : answer.data);
                                  } else {
                                      fail(ask.reply, answer.code, answer.message);
                                  }
                              });
}

void Console::later(const std::string& id, bool force)
{
    const Run* run = runs_.find(id);
    if (run == nullptr || unwanted_.size() >= max_unwanted) return;
    auto& unwanted = unwanted_[id];
    unwanted = {run->agent, force || unwanted.force};
}

void Console::agent_ready(const AgentRecord& agent)
{
    typing_.agent_ready(agent.id);
    for (auto it = unwanted_.begin(); it != unwanted_.end();) {
        if (it->second.agent != agent.id) {
            ++it;
            continue;
        }
        // Also for a run that the hub has ended because its agent stayed offline.
        std::string params;
        base::JsonWriter writer{params};
        writer.object().member("commandId", it->first);
        if (it->second.force) writer.member("force", true);
        writer.end();
        requests_.ask(agent.id, "terminal.interrupt", params, [](const Requests::Answer&) {});
        it = unwanted_.erase(it);
    }
}

void Console::list(const json& params, const ReplyPtr& reply)
{
    const std::string id = text(params, "id");
    std::string all;
    base::JsonWriter writer{all};
    writer.object().member("now", core_.utc()).array("runs");
    for (const Run* run : runs_.all()) {
        if (id.empty() || run->id == id) writer.value(base::RawJson{run_json(*run, true)});
    }
    writer.end().end();
    ok(reply, all);
}

void Console::left(const Reply* reply)
{
    if (const auto run = viewers_.left(reply, "CANCELLED", "The caller disconnected"))
        interrupt({.id = *run, .reply = {}});
}

// Before the sessions are closed: interrupts runs whose callers will be gone.
void Console::drain()
{
    for (const Reply* reply : viewers_.all()) {
        if (const auto run = viewers_.left(reply, "INTERRUPTED", "The hub is shutting down"))
            interrupt({.id = *run, .reply = {}});
    }
    typing_.drain();
}

} // namespace agenthost::hub
