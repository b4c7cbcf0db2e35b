// The field dialect of dashboard, both ends, against arbitrary bytes: never crashes, never reads outside, and
// what it accepts means the same when the other end writes it again. The first byte says which end reads
// ('s': the server's), or that text is written ('t').
#include "tests/fuzz/promise.hpp"
#include "tests/unit/wire/environment.hpp"

#include "wire/dashboard_field/dashboard_field.hpp"

#include <cstdint>
#include <string>

using namespace agenthost::wire;
using Json = nlohmann::json;

namespace {

std::unique_ptr<AgentCodec> an_agent()
{
    return make_dashboard_field_agent({.environment = TestEnvironment{}.environment()});
}
std::unique_ptr<ServerCodec> a_server()
{
    return make_dashboard_field_server(
        {.environment = TestEnvironment{}.environment(), .agent_id = {}, .secret_of = {}});
}

bool is_envelope(const std::string& frame)
{
    const Json json = Json::parse(frame, nullptr, false);
    return json.is_object() && json.contains("type") && json.contains("id") && json.contains("timestamp") &&
           json.contains("payload") && json["payload"].is_object();
}

void read_as_agent(const std::string& frame)
{
    const auto agent = an_agent(), other_agent = an_agent();
    const auto server = a_server();
    (void)an_agent()->decode(frame, true);
    const FromServer message = agent->decode(frame, false);
    std::string again;
    if (const auto* bad = std::get_if<Malformed>(&message)) {
        demand(!bad->reason.empty(), "a refusal says why");
        if (bad->id.empty()) return;
        const std::string id{bad->id};
        Result refusal{.id = bad->id, .outcome = Outcome::error}; // a view, as the host gives it
        refusal.error = {"INVALID_REQUEST", "no", {}, {}};
        if (!agent->encode(refusal, again)) return;
        demand(is_envelope(again), "a refusal has an envelope");
        const Json payload = Json::parse(again).at("payload");
        demand(payload.value("commandId", id) == id, "a refusal names the command");
        return;
    }
    if (const auto* ping = std::get_if<Ping>(&message)) {
        demand(agent->encode(Heartbeat{"{}", 0, ping->id}, again) && is_envelope(again),
               "a ping has an answer");
        const FromAgent pong = server->decode(again);
        const auto* same = std::get_if<Heartbeat>(&pong);
        return demand(same && same->id == ping->id, "a pong echoes the timestamp");
    }
    if (const auto* renewed = std::get_if<NewCredential>(&message)) {
        const std::string token{renewed->credential};
        Hello hello;
        hello.credential = token;
        return demand(!token.empty() && !an_agent()->opening(hello).headers.empty(), "a token fits a header");
    }
    if (std::holds_alternative<Welcome>(message)) return;
    const auto* command = std::get_if<Command>(&message);
    if (!command) return demand(std::holds_alternative<Nothing>(message), "a server says nothing else");
    demand(!command->id.empty() && !command->action.empty(), "a command has an id and an action");
    demand((std::string{command->id} + std::string{command->action}).find('\0') == std::string::npos,
           "no NUL in identifiers");
    demand(Json::parse(command->params, nullptr, false).is_object(), "params are an object");
    const bool runs = command->action == "command:request";
    const Json args = Json::parse(command->params).value("argv", Json::array());
    if (deep(frame) || (runs && !args.empty() && !args[0].is_string())) return;
    demand(server->encode(*command, again) && is_envelope(again), "what was read can be written");
    const FromServer reread = other_agent->decode(again, false);
    const auto* same = std::get_if<Command>(&reread);
    demand(same && same->action == command->action && same->timeout == command->timeout &&
               (same->id == command->id || command->id.starts_with('~')),
           "a command means the same when written again");
    if (!runs) return;
    Json before = Json::parse(command->params), after = Json::parse(same->params);
    before.erase("priority"), after.erase("priority"); // always written
    demand(before == after, "a command's parameters mean the same when written again");
}

void same_result(const Result& result, const FromAgent& reread)
{
    const auto* same = std::get_if<Result>(&reread);
    demand(same && same->id == result.id && same->outcome == result.outcome && same->action == result.action,
           "a result means the same when written again");
    demand(result.outcome == Outcome::success || same->error.code == result.error.code,
           "an error means the same when written again");
}

void read_as_server(const std::string& frame)
{
    const auto server = a_server(), other_server = a_server();
    const auto agent = an_agent();
    const FromAgent message = server->decode(frame);
    std::string again;
    if (const auto* bad = std::get_if<Malformed>(&message))
        return demand(!bad->reason.empty(), "a refusal says why");
    if (deep(frame)) return;
    if (const auto* hello = std::get_if<Hello>(&message)) {
        demand(server->encode(Welcome{true, {}}, again) && is_envelope(again), "a hello has an answer");
        demand(is_envelope(agent->hello(*hello)), "a hello can be written");
        demand(std::holds_alternative<Welcome>(agent->decode(again, true)) || hello->agent_id.empty(),
               "an answer is a welcome");
    } else if (const auto* stream = std::get_if<Stream>(&message)) {
        demand(agent->encode(*stream, again) && is_envelope(again), "output can be written");
        const FromAgent reread = other_server->decode(again);
        const auto* same = std::get_if<Stream>(&reread);
        demand(same && same->id == stream->id && same->channel == stream->channel &&
                   same->bytes == stream->bytes && same->offset == stream->offset,
               "output means the same when written again");
    } else if (const auto* progress = std::get_if<Progress>(&message)) {
        if (progress->id.starts_with('~')) return;
        demand(agent->encode(*progress, again) && is_envelope(again), "progress can be written");
        const FromAgent reread = other_server->decode(again);
        const auto* same = std::get_if<Progress>(&reread);
        demand(same && same->id == progress->id, "progress is of the same command when written again");
    } else if (const auto* result = std::get_if<Result>(&message)) {
        if (result->id.starts_with('~')) return;
        demand(agent->encode(*result, again) && is_envelope(again), "a result can be written");
        same_result(*result, other_server->decode(again));
    } else if (const auto* beat = std::get_if<Heartbeat>(&message)) {
        if (beat->id.empty()) return;
        demand(agent->encode(*beat, again) && is_envelope(again), "a pong can be written");
    }
}

// Any bytes as text: the frame stays valid JSON and UTF-8.
void write_any(std::string_view text)
{
    const auto agent = an_agent();
    const auto server = a_server();
    const auto check = [](bool written, std::string& frame) {
        demand(written && is_envelope(frame), "what we write has an envelope");
        frame.clear();
    };
    Hello hello;
    hello.agent_id = hello.credential = hello.name = hello.version = hello.platform = text;
    for (const auto& [key, value] : agent->opening(hello).headers)
        demand(value.find_first_of(std::string_view{"\r\n\0", 3}) == value.npos, "a header is one line");
    std::string frame = agent->hello(hello);
    check(true, frame);
    Result result{.id = text, .outcome = Outcome::unknown, .action = "command:request"};
    result.error = {text, text, text, {}};
    check(agent->encode(result, frame), frame);
    check(agent->encode(Progress{text, R"({"status":"queued"})"}, frame), frame);
    const Stream stream{text, 1, 7, text};
    demand(agent->fitting(stream) <= text.size(), "no more fits than there is");
    check(agent->encode(stream, frame), frame);
    check(server->encode(Welcome{false, text}, frame), frame);
    const std::string params = Json{{"argv", {"a", "b"}}}.dump();
    if (!text.empty())
        check(server->encode(Command{text, "command:request", params, {}, milliseconds{1}}, frame), frame);
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
