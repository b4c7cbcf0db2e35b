// The signed codec, both ends, against arbitrary bytes, signed well and not: never crashes, never reads
// outside, believes nothing unsigned, and what it accepts survives being written again. The first byte says
// what is done with the rest: 'a' the agent, 'w' the waiting agent, 's' the server read it as a frame; 'c'
// 'r' 'l' 'm' 'h' it is the payload of a well signed frame; 'n' canonical JSON.
#include "tests/fuzz/promise.hpp"
#include "tests/unit/wire/environment.hpp"

#include "wire/codec.hpp"
#include "wire/json/canonical.hpp"
#include "wire/json/json.hpp"

#include <cstdint>
#include <string>

using namespace agenthost::wire;

namespace {

using Json = nlohmann::json;

constexpr const char* agent_id = "test-agent";
constexpr const char* secret = "testsecret";

struct Ends {
    Ends()
    {
        agent = agent_codec(Protocol::signed_, {.environment = clock.environment(), .nonces = &agents_book});
        ServerSetup setup{.environment = clock.environment(),
                          .agent_id = agent_id,
                          .secret_of = {},
                          .nonces = &servers_book};
        setup.secret_of = [](std::string_view) { return std::optional<std::string>{secret}; };
        server = server_codec(Protocol::signed_, std::move(setup));
        Hello hello;
        hello.agent_id = agent_id;
        hello.credential = secret;
        (void)agent->hello(hello);
    }
    TestEnvironment clock;
    TestNonces agents_book, servers_book;
    std::unique_ptr<AgentCodec> agent;
    std::unique_ptr<ServerCodec> server;
};

std::string envelope(std::string_view type, std::string_view payload)
{
    std::string body = R"({"type":")" + std::string{type} + R"(","agentId":"test-agent","ts":)" +
                       std::to_string(test_now) + R"(,"nonce":"n","payload":)" + std::string{payload} + "}";
    const std::string signature = test_hmac(secret, body);
    body.pop_back();
    return body + R"(,"signature":")" + signature + "\"}";
}

void read_command(std::string_view frame, bool authenticating)
{
    Ends ends;
    const FromServer message = ends.agent->decode(frame, authenticating);
    if (const auto* bad = std::get_if<Malformed>(&message)) {
        demand(!bad->reason.empty(), "a refusal says why");
        if (!bad->id.empty()) {
            Result refusal{.id = bad->id, .outcome = Outcome::error};
            refusal.error = {"INVALID_REQUEST", bad->reason, {}, {}};
            std::string answer;
            demand(ends.agent->encode(refusal, answer) && Json::accept(answer),
                   "what is refused is answered");
        }
    }
    const auto* command = std::get_if<Command>(&message);
    if (!command) return;
    demand(frame.find("signature") != std::string::npos || frame.find('\\') != std::string::npos,
           "a command is signed");
    demand(!command->id.empty() && !command->action.empty(), "a command has an id and an action");
    demand(command->id.find('\0') == std::string_view::npos, "no NUL in an id");
    demand(Json::parse(command->params, nullptr, false).is_object(), "params are an object");
    std::string again;
    demand(ends.server->encode(*command, again), "what was read can be written");
    if (deep(frame)) return;
    Ends others;
    const FromServer reread = others.agent->decode(again, false);
    const auto* same = std::get_if<Command>(&reread);
    demand(same && same->id == command->id.substr(0, 256) && same->action == command->action &&
               same->target == command->target && same->timeout == command->timeout,
           "a command means the same when written again");
    std::string canonical;
    demand(json::append_canonical(canonical, command->params) && canonical == same->params,
           "its params in their canonical form");
    Ends late;
    demand(std::holds_alternative<Command>(late.agent->decode(again, false)) &&
               std::holds_alternative<Malformed>(late.agent->decode(again, false)),
           "a command counts once");
}

void read_as_server(std::string_view frame)
{
    Ends ends;
    const FromAgent message = ends.server->decode(frame);
    if (const auto* bad = std::get_if<Malformed>(&message))
        demand(!bad->reason.empty(), "a refusal says why");
    if (const auto* bad = std::get_if<Refused>(&message))
        demand(!bad->reason.empty() && bad->close_code >= 1003, "a close has a reason");
    if (deep(frame)) return;
    Ends others;
    std::string again;
    if (const auto* result = std::get_if<Result>(&message)) {
        if (result->id.starts_with('~')) return; // such an id is not repeated
        demand(ends.agent->encode(*result, again) && Json::accept(again), "a result can be written");
        const FromAgent reread = others.server->decode(again);
        const auto* same = std::get_if<Result>(&reread);
        demand(same && same->id == result->id && same->outcome == result->outcome &&
                   same->error.code == result->error.code,
               "a result means the same when written again");
    } else if (const auto* log = std::get_if<Log>(&message)) {
        demand(ends.agent->encode(*log, again) && Json::accept(again), "a log can be written");
        const FromAgent reread = others.server->decode(again);
        const auto* same = std::get_if<Log>(&reread);
        demand(same && same->level == log->level && same->message == log->message &&
                   same->source == log->source,
               "a log means the same");
    } else if (const auto* event = std::get_if<Event>(&message)) {
        demand(ends.agent->encode(*event, again) && Json::accept(again), "an event can be written");
        const FromAgent reread = others.server->decode(again);
        const auto* same = std::get_if<Event>(&reread);
        demand(same && same->topic == event->topic && same->target == event->target,
               "an event means the same");
    } else if (const auto* metrics = std::get_if<Metrics>(&message)) {
        demand(ends.agent->encode(*metrics, again), "metrics can be written");
        const FromAgent reread = others.server->decode(again);
        const auto* same = std::get_if<Metrics>(&reread);
        demand(same && same->json == metrics->json, "metrics mean the same");
    } else if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
        demand(Json::parse(heartbeat->facts, nullptr, false).is_object(), "facts are an object");
    }
}

// The canonical form is JSON, is its own canonical form, and is found whenever the text is JSON.
void make_canonical(std::string_view text)
{
    std::string once, twice, why;
    const bool good = json::append_canonical(once, text);
    if (json::split(text, why)) demand(good, "what is JSON has a canonical form");
    if (!good) return demand(once.empty(), "a refusal leaves nothing behind");
    demand(Json::accept(once), "the canonical form is JSON");
    demand(json::append_canonical(twice, once) && once == twice, "and its own canonical form");
    demand(once.size() <= 3 * text.size() + 32,
           "and not much longer"); // U+FFFD for a byte; 1e20 has 21 digits
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const Use uses[]{
        {'a', [](std::string_view frame) { read_command(frame, false); }},
        {'w', [](std::string_view frame) { read_command(frame, true); }},
        {'s', read_as_server},
        {'c', [](std::string_view payload) { read_command(envelope("command", payload), false); }},
        {'r', [](std::string_view payload) { read_as_server(envelope("command_result", payload)); }},
        {'l', [](std::string_view payload) { read_as_server(envelope("log", payload)); }},
        {'m', [](std::string_view payload) { read_as_server(envelope("metrics", payload)); }},
        {'h', [](std::string_view payload) { read_as_server(envelope("heartbeat", payload)); }},
    };
    return use_input(data, size, uses, make_canonical);
}
