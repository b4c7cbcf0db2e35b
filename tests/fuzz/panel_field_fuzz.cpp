// The field dialect of panel, both ends, against arbitrary bytes: never crashes, never reads outside, and
// what it accepts means the same when the other end writes it again. The first byte says which end reads
// ('s': the server's), or that text is written ('t').
#include "tests/fuzz/promise.hpp"
#include "tests/unit/wire/environment.hpp"

#include "wire/panel_field/panel_field.hpp"

#include <cstdint>
#include <string>

using namespace agenthost::wire;
using Json = nlohmann::json;

namespace {

std::unique_ptr<AgentCodec> an_agent()
{
    return make_panel_field_agent({.environment = TestEnvironment{}.environment()});
}
std::unique_ptr<ServerCodec> a_server()
{
    return make_panel_field_server(
        {.environment = TestEnvironment{}.environment(), .agent_id = {}, .secret_of = {}});
}

// Whatever was asked for has exactly one answer, which the server's end understands.
void answers(AgentCodec& agent, std::string_view id, std::string_view action, const std::string& frame)
{
    const std::string kept{id}, word{action};
    std::string success, failure;
    Result result{
        .id = kept, .data = R"({"serverId":1,"path":"/a","output":[2],"message":"m"})", .action = word};
    demand(agent.encode(result, success), "a request has an answer");
    demand(Json::accept(success), "an answer is JSON");
    result.outcome = Outcome::error;
    if (const auto again = an_agent(); true) { // asked once more of another agent: the failure
        (void)again->decode(frame, false);
        demand(again->encode(result, failure), "a request that failed has an answer");
        demand(Json::accept(failure), "an answer of a failure is JSON");
    }
    demand(!std::holds_alternative<Nothing>(a_server()->decode(failure)), "the server understands a failure");
}

void read_as_agent(const std::string& frame)
{
    const auto agent = an_agent(), other_agent = an_agent();
    const auto server = a_server();
    const FromServer message = agent->decode(frame, false);
    if (const auto* bad = std::get_if<Malformed>(&message))
        return demand(!bad->reason.empty(), "a refusal says why");
    if (const auto* ping = std::get_if<Ping>(&message)) {
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
    std::string again;
    if (!deep(frame)) {
        demand(server->encode(*command, again), "what was read can be written");
        const FromServer reread = other_agent->decode(again, false);
        const auto* same = std::get_if<Command>(&reread);
        demand(same && same->id == command->id && same->action == command->action &&
                   same->target == command->target && same->timeout == command->timeout &&
                   same_json(same->params, command->params),
               "a command means the same when written again");
    }
    answers(*agent, command->id, command->action, frame);
}

// What the agent's end would have written.
void read_as_server(const std::string& frame)
{
    const auto server = a_server(), other_server = a_server();
    const auto agent = an_agent();
    const FromAgent message = server->decode(frame);
    std::string again;
    if (const auto* bad = std::get_if<Malformed>(&message))
        return demand(!bad->reason.empty(), "a refusal says why");
    if (std::holds_alternative<Nothing>(message) || deep(frame)) return;
    if (const auto* hello = std::get_if<Hello>(&message)) {
        again = agent->hello(*hello);
        const FromAgent reread = other_server->decode(again);
        const auto* same = std::get_if<Hello>(&reread);
        return demand(same && same->agent_id == hello->agent_id && same->platform == hello->platform &&
                          same->arch == hello->arch && same->version == hello->version &&
                          same_json(same->capabilities, hello->capabilities),
                      "a system_info means the same when written again");
    }
    if (const auto* beat = std::get_if<Heartbeat>(&message)) {
        demand(Json::parse(beat->facts, nullptr, false).is_object(), "facts are an object");
        demand(agent->encode(*beat, again) && Json::accept(again), "a heartbeat can be written");
        return demand(std::holds_alternative<Heartbeat>(other_server->decode(again)), "and read");
    }
    if (const auto* event = std::get_if<Event>(&message)) {
        demand(agent->encode(*event, again) && Json::accept(again), "an event can be written");
        const FromAgent reread = other_server->decode(again);
        const auto* same = std::get_if<Event>(&reread);
        if (!same) return; // events of the document that mean something else: fuzzed with panel
        return demand(event->at == 0 || same->at == event->at, "an event has its time when written again");
    }
    if (const auto* progress = std::get_if<Progress>(&message)) {
        demand(Json::parse(progress->json, nullptr, false).is_object(), "progress is an object");
        if (progress->id.starts_with('~')) return;
        demand(agent->encode(*progress, again), "progress can be written");
        const FromAgent reread = other_server->decode(again);
        const auto* same = std::get_if<Progress>(&reread);
        return demand(same && same->id == progress->id && same_json(same->json, progress->json),
                      "progress means the same when written again");
    }
    if (const auto* result = std::get_if<Result>(&message)) {
        if (result->id.starts_with('~')) return;
        demand(agent->encode(*result, again), "a result can be written");
        const FromAgent reread = other_server->decode(again);
        const auto* same = std::get_if<Result>(&reread);
        return demand(same && same->id == result->id && same->outcome == result->outcome,
                      "a result means the same when written again");
    }
    demand(std::holds_alternative<Log>(message), "an agent says nothing else");
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
    Hello hello;
    hello.agent_id = hello.credential = hello.name = hello.platform = text;
    for (const auto& [key, value] : agent->opening(hello).headers)
        demand(value.find_first_of(std::string_view{"\r\n\0", 3}) == value.npos, "a header is one line");
    demand(Json::accept(agent->hello(hello)), "a system_info is JSON");
    std::string frame;
    for (const char* id : {"c1", "~server_start~1", "~file_read~1", "~server_command~1", "~error~1"}) {
        Result result{.id = id, .outcome = Outcome::unknown};
        result.error = {text, text, text, {}};
        check(agent->encode(result, frame), frame);
    }
    check(agent->encode(Progress{"c1", "{\"id\":1}"}, frame), frame);
    check(agent->encode(Event{"x.server_log", "{}", text, 1}, frame), frame);
    check(agent->encode(Heartbeat{"{}", 1, {}}, frame), frame);
    check(agent->encode(Log{text, text, text, 1}, frame), frame);
    if (!text.empty())
        check(server->encode(Command{text, text, "{}", text, milliseconds{1234}}, frame), frame);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) return 0;
    const std::string frame{reinterpret_cast<const char*>(data + 1),
                            size - 1}; // a copy: reading past it is found
    switch (data[0]) {
    case 's': read_as_server(frame); break;
    case 't': write_any(frame); break;
    default: read_as_agent(frame);
    }
    return 0;
}
