// The panel codec, both ends, against arbitrary bytes: never crashes, never reads outside, and what it
// accepts means the same when the other end writes it again. The first byte says which end reads ('s': the
// server's), or that text is written ('t').
#include "tests/fuzz/promise.hpp"
#include "tests/unit/wire/environment.hpp"

#include <cstdint>
#include <string>

using namespace agenthost::wire;
using Json = nlohmann::json;

namespace {

std::unique_ptr<AgentCodec> an_agent()
{
    return agent_codec(Protocol::panel, {.environment = TestEnvironment{}.environment()});
}
std::unique_ptr<ServerCodec> a_server()
{
    return server_codec(Protocol::panel,
                        {.environment = TestEnvironment{}.environment(), .agent_id = {}, .secret_of = {}});
}

void read_as_agent(std::string_view frame)
{
    const auto agent = an_agent(), other_agent = an_agent();
    const auto server = a_server();
    const FromServer message = agent->decode(frame, false);
    std::string again;
    if (const auto* bad = std::get_if<Malformed>(&message))
        return demand(!bad->reason.empty(), "a refusal says why");
    if (const auto* ping = std::get_if<Ping>(&message)) {
        demand(server->encode(*ping, again), "a ping can be written");
        const FromServer reread = other_agent->decode(again, false);
        const auto* same = std::get_if<Ping>(&reread);
        demand(same && (ping->id.empty() || same->id == ping->id),
               "a ping means the same when written again");
        std::string pong;
        demand(agent->encode(Heartbeat{"{}", 0, ping->id}, pong), "a ping has an answer");
        return demand(Json::accept(pong), "a pong is JSON");
    }
    const auto* command = std::get_if<Command>(&message);
    if (!command) return demand(std::holds_alternative<Nothing>(message), "a panel says nothing else");
    demand(!command->id.empty() && !command->action.empty(), "a command has an id and an action");
    demand(
        (std::string{command->id} + std::string{command->action} + std::string{command->target}).find('\0') ==
            std::string::npos,
        "no NUL in identifiers");
    demand(Json::parse(command->params, nullptr, false).is_object(), "params are an object");
    demand(server->encode(*command, again), "what was read can be written");
    const FromServer reread = other_agent->decode(again, false);
    const auto* same = std::get_if<Command>(&reread);
    demand(same && same->id == command->id && same->action == command->action &&
               same->target == command->target && same->timeout == command->timeout &&
               same_json(same->params, command->params),
           "a command means the same when written again");
}

void same_result(const Result& result, const FromAgent& reread)
{
    const auto* same = std::get_if<Result>(&reread);
    demand(same && same->id == result.id && same->outcome == result.outcome &&
               same_json(same->data, result.data),
           "a result means the same when written again");
    if (result.outcome == Outcome::success) return;
    demand(same->error.code == result.error.code && same->error.detail == result.error.detail &&
               same_json(same->error.data, result.error.data) &&
               same->error.message ==
                   (result.error.message.empty() ? result.error.code : result.error.message),
           "an error means the same when written again");
}

void same_heartbeat(const Heartbeat& beat, const FromAgent& reread)
{
    const auto* same = std::get_if<Heartbeat>(&reread);
    demand(same && same->id == beat.id && (beat.at == 0 || same->at == beat.at),
           "a pong means the same when written again");
    const Json before = Json::parse(beat.facts), after = Json::parse(same->facts);
    for (const auto& [key, value] : before.items())
        demand(after.at(key) == value, "a fact means the same when written again");
}

void read_as_server(std::string_view frame)
{
    const auto agent = an_agent();
    const auto server = a_server(), other_server = a_server();
    const FromAgent message = server->decode(frame);
    if (const auto* bad = std::get_if<Malformed>(&message))
        return demand(!bad->reason.empty(), "a refusal says why");
    std::string again;
    const bool written = std::visit(
        [&](const auto& m) {
            using M = std::decay_t<decltype(m)>;
            if constexpr (std::is_same_v<M, Result> || std::is_same_v<M, Progress> ||
                          std::is_same_v<M, Event> || std::is_same_v<M, Heartbeat> || std::is_same_v<M, Log>)
                return agent->encode(m, again);
            else
                return false;
        },
        message);
    if (!written) return; // nothing to say, or a pong to a ping without an id
    demand(Json::accept(again), "what we write is JSON");
    if (deep(frame)) return;
    const FromAgent reread = other_server->decode(again);
    if (const auto* result = std::get_if<Result>(&message)) return same_result(*result, reread);
    if (const auto* beat = std::get_if<Heartbeat>(&message)) return same_heartbeat(*beat, reread);
    if (const auto* progress = std::get_if<Progress>(&message)) {
        const auto* same = std::get_if<Progress>(&reread);
        return demand(same && same->id == progress->id && same_json(same->json, progress->json),
                      "progress means the same when written again");
    }
    if (const auto* log = std::get_if<Log>(&message)) {
        const auto* same = std::get_if<Log>(&reread);
        return demand(same && same->level == log->level && same->message == log->message &&
                          same->source == log->source && (log->at == 0 || same->at == log->at),
                      "a log line means the same when written again");
    }
    const auto& event = std::get<Event>(message);
    if (event.topic.find('.') != std::string_view::npos) return; // the part before a dot is not written
    const auto* same = std::get_if<Event>(&reread);
    demand(same && same->topic == event.topic && same->target == event.target &&
               (event.at == 0 || same->at == event.at),
           "an event means the same when written again");
    Json before = Json::parse(event.json), after = Json::parse(same->json);
    if (after.is_object() && !event.target.empty()) { // the target may have been added
        if (before.is_object() && !before.contains("serverId")) after.erase("serverId");
    }
    demand(before == after, "an event's data means the same when written again");
}

// Any bytes as text: the frame stays valid JSON and UTF-8.
void write_any(std::string_view text)
{
    const auto agent = an_agent();
    const auto server = a_server();
    const auto check = [](bool written, std::string& frame) {
        demand(written && Json::accept(frame), "what we write is JSON");
        frame.clear();
    };
    std::string frame;
    Result result{.id = text, .outcome = Outcome::unknown};
    result.error = {text, text, text, {}};
    check(agent->encode(result, frame), frame);
    check(agent->encode(Progress{text, "{\"id\":1}"}, frame), frame);
    check(agent->encode(Event{text, "{}", text, 1}, frame), frame);
    check(agent->encode(Heartbeat{"{}", 1, text.empty() ? "x" : text}, frame), frame);
    check(agent->encode(Log{text, text, text, 1}, frame), frame);
    check(server->encode(Ping{text}, frame), frame);
    if (!text.empty())
        check(server->encode(Command{text, text, "{}", text, milliseconds{1234}}, frame), frame);
    Hello hello;
    hello.agent_id = hello.credential = text;
    demand_one_line_each(agent->opening(hello).headers);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    return use_input(data, size, {{'s', read_as_server}, {'t', write_any}}, read_as_agent);
}
