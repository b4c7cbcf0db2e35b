// The print codec, both ends, against arbitrary bytes: never crashes, never reads outside, and what it
// accepts means the same when the other end writes it again. The first byte says which end reads ('s': the
// server's), that text is written ('t'), or that the rest is a job's bytes ('b').
#include "base/base64.hpp"
#include "tests/fuzz/promise.hpp"
#include "tests/unit/wire/environment.hpp"

#include <cstdint>
#include <string>

using namespace agenthost::wire;
using Json = nlohmann::json;

namespace {

std::unique_ptr<AgentCodec> an_agent()
{
    return agent_codec(Protocol::print, {.environment = TestEnvironment{}.environment()});
}
std::unique_ptr<ServerCodec> a_server()
{
    return server_codec(Protocol::print,
                        {.environment = TestEnvironment{}.environment(), .agent_id = {}, .secret_of = {}});
}

void read_as_agent(std::string_view frame)
{
    const auto agent = an_agent(), other_agent = an_agent();
    const auto server = a_server();
    const FromServer message = agent->decode(frame, false);
    if (const auto* bad = std::get_if<Malformed>(&message))
        return demand(!bad->reason.empty(), "a refusal says why");
    const auto* command = std::get_if<Command>(&message);
    if (!command) return;
    demand(!command->id.empty() && !command->action.empty(), "a command has an id and an action");
    demand(command->id.find('\0') == std::string_view::npos, "no NUL in an id");
    demand(command->id.size() <= 256, "an id has its maximum");
    demand(Json::parse(command->params, nullptr, false).is_object(), "params are an object");
    std::string answer;
    demand(agent->encode(Result{.id = command->id, .action = command->action}, answer),
           "a task has an answer");
    demand(Json::accept(answer), "an answer is JSON");

    if (deep(frame)) return;
    std::string again;
    if (!server->encode(*command, again)) return demand(false, "what was read can be written");
    const FromServer reread = other_agent->decode(again, false);
    const auto* same = std::get_if<Command>(&reread);
    demand(same && same->id == command->id && same->action == command->action &&
               same_json(same->params, command->params),
           "a task means the same when written again");
    demand(agent->heartbeat_due() == (command->action == "task_config"),
           "settings that are kept are reported");
}

// As the agent writes a machine's word.
std::string_view arch(std::string_view machine)
{
    if (machine == "x86_64" || machine == "amd64") return "x64";
    return machine == "aarch64" ? "arm64" : machine;
}

// The same capabilities, and the codec's own.
bool with_binary(std::string_view given, std::string_view reread)
{
    Json wanted = given.empty() ? Json::array() : Json::parse(given);
    if (given.find(R"("binary")") == given.npos) wanted.push_back("binary");
    return Json::parse(reread, nullptr, false) == wanted;
}

void same_hello(const Hello& hello, const FromAgent& reread)
{
    const auto* same = std::get_if<Hello>(&reread);
    demand(same && same->agent_id == hello.agent_id && same->version == hello.version &&
               same->platform == hello.platform && same->arch == arch(hello.arch) &&
               same->name == hello.name && with_binary(hello.capabilities, same->capabilities),
           "a register means the same when written again");
}

void same_result(const Result& result, const FromAgent& reread)
{
    const auto* same = std::get_if<Result>(&reread);
    demand(same && same->id == result.id && same->outcome == result.outcome &&
               same->action == result.action && same_json(same->data, result.data),
           "a result means the same when written again");
    if (result.outcome == Outcome::success) return;
    demand(same->error.code == result.error.code && same->error.detail == result.error.detail &&
               same->error.message ==
                   (result.error.message.empty() ? result.error.code : result.error.message),
           "an error means the same when written again");
    if (result.error.data.starts_with('{'))
        demand(same_json(same->error.data, result.error.data),
               "an error's data means the same when written again");
}

void read_as_server(std::string_view frame)
{
    const auto agent = an_agent();
    const auto server = a_server(), other_server = a_server();
    const FromAgent message = server->decode(frame);
    if (const auto* bad = std::get_if<Malformed>(&message))
        return demand(!bad->reason.empty(), "a refusal says why");
    std::string again;
    if (const auto* hello = std::get_if<Hello>(&message)) {
        demand(!hello->agent_id.empty(), "a register names its shop");
        again = agent->hello(*hello);
        demand(Json::accept(again), "what we write is JSON");
        if (!deep(frame)) same_hello(*hello, other_server->decode(again));
    } else if (const auto* result = std::get_if<Result>(&message)) {
        if (result->id.starts_with("flat:") || result->id.starts_with('~'))
            return; // not an id as agents get it
        demand(agent->encode(*result, again) && Json::accept(again), "what we write is JSON");
        if (!deep(frame)) same_result(*result, other_server->decode(again));
    } else if (const auto* beat = std::get_if<Heartbeat>(&message)) {
        demand(agent->encode(*beat, again) && Json::accept(again), "what we write is JSON");
        if (deep(frame)) return;
        const FromAgent reread = other_server->decode(again);
        const auto* same = std::get_if<Heartbeat>(&reread);
        demand(same, "a heartbeat means the same when written again");
        const Json before = Json::parse(beat->facts), after = Json::parse(same->facts);
        for (const auto& [key, value] : before.items())
            demand(key == "config_push_at" || after.at(key) == value,
                   "a fact means the same when written again");
    } else if (const auto* log = std::get_if<Log>(&message)) {
        demand(agent->encode(*log, again) && Json::accept(again), "what we write is JSON");
        const FromAgent reread = other_server->decode(again);
        const auto* same = std::get_if<Log>(&reread);
        demand(same && same->level == (log->level.empty() ? "info" : log->level) &&
                   same->message == log->message && same->source == log->source &&
                   (log->at == 0 || same->at == log->at),
               "a log line means the same when written again");
    } else if (const auto* event = std::get_if<Event>(&message)) {
        demand(agent->encode(*event, again) && Json::accept(again), "what we write is JSON");
        if (deep(frame)) return;
        const FromAgent reread = other_server->decode(again);
        const auto* same = std::get_if<Event>(&reread);
        demand(same && same->topic == event->topic && same->target == event->target &&
                   same->json == event->json,
               "an event means the same when written again");
    }
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
    check(agent->encode(Event{text, "{\"level\":5}", text, 1}, frame), frame);
    check(agent->encode(Heartbeat{"{}", 1, text}, frame), frame);
    check(agent->encode(Log{text, text, text, 1}, frame), frame);
    check(server->encode(Welcome{false, text}, frame), frame);
    check(server->encode(Heartbeat{{}, 0, text}, frame), frame);
    if (!text.empty()) check(server->encode(Command{text, text, "{}", {}, {}}, frame), frame);
    Hello hello;
    hello.agent_id = hello.credential = hello.version = hello.arch = hello.platform = hello.name = text;
    check(true, frame = agent->hello(hello));
    demand_one_line_each(agent->opening(hello).headers);
}

// The bytes of a job, cut into an id and the rest by the first byte: sent in a binary frame, they are the same
// command as in base64. The input itself as a binary frame: not announced, so refused.
void read_binary_frame(std::string_view bytes)
{
    const auto agent = an_agent(), other_agent = an_agent();
    demand(!agent->decode_binary(bytes), "a binary frame must be announced");
    const auto server = a_server();
    (void)server->decode(R"({"type":"register","payload":{"shopId":"s","capabilities":["binary"]}})");
    const std::string data = agenthost::base::base64(std::string{bytes} + std::string(1024, 'x'));
    const std::string params = R"({"cut":true,"data":")" + data + R"(","encoding":"base64","n":"0x0fe6"})";
    std::string text;
    demand(server->encode(Command{"t1", "task_print", params, {}, {}}, text), "a job can be written");
    const std::string binary = server->take_binary();
    demand(!binary.empty() && Json::accept(text), "it is announced");
    demand(std::holds_alternative<Nothing>(agent->decode(text, false)), "its bytes are awaited");
    const auto message = agent->decode_binary(binary);
    const auto* command = message ? std::get_if<Command>(&*message) : nullptr;
    demand(command && command->id == "t1" && command->params == params, "it is the command that was sent");
    demand(!agent->decode_binary(binary), "and only once");
    // Damaged in one place: refused, or answered as malformed.
    std::string damaged = binary;
    damaged[bytes.size() % damaged.size()] ^= 1;
    (void)other_agent->decode(text, false);
    const auto other = other_agent->decode_binary(damaged);
    demand(!other || std::holds_alternative<Malformed>(*other), "damaged bytes are not printed");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    return use_input(data, size, {{'s', read_as_server}, {'t', write_any}, {'b', read_binary_frame}},
                     read_as_agent);
}
