// The dashboard codec, both ends, against arbitrary bytes: never crashes, never reads outside, and what it
// accepts survives being written again. The first byte says which end reads: 'a' agent, 'w' agent waiting for
// its ack, 's' server, 'o' output of a command.
#include "tests/fuzz/promise.hpp"
#include "tests/unit/wire/environment.hpp"

#include "wire/codec.hpp"
#include "wire/json/json.hpp"

#include <cstdint>
#include <string>

using namespace agenthost::wire;

namespace {

using Json = nlohmann::json;

struct Ends {
    Ends()
    {
        agent = agent_codec(Protocol::dashboard, {.environment = clock.environment()});
        server = server_codec(Protocol::dashboard, {.environment = clock.environment()});
        Hello hello;
        hello.agent_id = "agent-123";
        (void)agent->hello(hello);
    }
    TestEnvironment clock;
    std::unique_ptr<AgentCodec> agent;
    std::unique_ptr<ServerCodec> server;
};

void read_as_agent(std::string_view frame, bool authenticating)
{
    Ends ends;
    const FromServer message = ends.agent->decode(frame, authenticating);
    if (const auto* bad = std::get_if<Malformed>(&message)) {
        demand(!bad->reason.empty(), "a refusal says why");
        if (bad->id.empty()) return;
        demand(bad->id.find('\0') == std::string_view::npos, "no NUL in an id");
        Result refusal{.id = bad->id, .outcome = Outcome::error};
        const std::string id{bad->id};
        refusal.id = id;
        refusal.error = {"INVALID_REQUEST", bad->reason, {}, {}};
        std::string answer;
        demand(ends.agent->encode(refusal, answer), "what is refused is answered");
        demand(Json::accept(answer), "an answer is JSON");
        demand(std::holds_alternative<Nothing>(Ends{}.agent->decode(answer, false)),
               "an answer is not answered");
        return;
    }
    const auto* command = std::get_if<Command>(&message);
    if (!command) return;
    demand(!authenticating, "no command before the ack");
    demand(!command->id.empty() && !command->action.empty(), "a command has an id and an action");
    demand(command->id.find('\0') == std::string_view::npos, "no NUL in an id");
    demand(Json::parse(command->params, nullptr, false).is_object(), "params are an object");
    std::string again;
    demand(ends.server->encode(*command, again), "what was read can be written");
    if (deep(frame)) return;
    Ends others;
    const FromServer reread = others.agent->decode(again, false);
    const auto* same = std::get_if<Command>(&reread);
    demand(same != nullptr, "a command stays one");
    const bool made = command->id.starts_with('~'); // a new one is made
    demand(same->action == command->action && same->target == command->target &&
               same->timeout == command->timeout && (made || same->id == command->id) &&
               same_json(same->params, command->params),
           "a command means the same when written again");
}

// What was read, written and read again.
struct Again {
    Ends ends;
    std::string frame;
    FromAgent message;

    template <class Message> explicit Again(const Message& first)
    {
        demand(ends.agent->encode(first, frame), "what was read can be written");
        demand(Json::accept(frame), "what we write is JSON");
        message = ends.server->decode(frame);
    }
    template <class Message> const Message* as() const { return std::get_if<Message>(&message); }
};

void read_as_server(std::string_view frame)
{
    Ends ends;
    const FromAgent message = ends.server->decode(frame);
    if (const auto* bad = std::get_if<Malformed>(&message))
        demand(!bad->reason.empty(), "a refusal says why");
    if (const auto* result = std::get_if<Result>(&message)) {
        const bool own =
            result->id.starts_with('~') && result->action.empty(); // such an answer is written without its id
        const bool odd = frame.find("timeout") !=
                         std::string_view::npos; // "completed" with the reason "timeout" cannot be
        if (own || odd || deep(frame)) return;
        const Again again{*result};
        const auto* same = again.as<Result>();
        demand(same && same->id == result->id && same->outcome == result->outcome &&
                   same->error.code == result->error.code && same_json(same->data, result->data) &&
                   same_json(same->error.data, result->error.data),
               "a result means the same when written again");
    } else if (const auto* stream = std::get_if<Stream>(&message)) {
        const Again again{*stream};
        const auto* same = again.as<Stream>();
        demand(same && same->id == stream->id && same->channel == stream->channel,
               "output stays its command's");
    } else if (const auto* progress = std::get_if<Progress>(&message)) {
        if (deep(frame)) return;
        const Again again{*progress};
        const auto* same = again.as<Progress>();
        demand(same && same->id == progress->id && same_json(same->json, progress->json),
               "progress means the same");
    } else if (const auto* log = std::get_if<Log>(&message)) {
        const Again again{*log};
        const auto* same = again.as<Log>();
        demand(same && same->level == log->level, "a log stays one");
    } else if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
        std::string echo;
        demand(ends.server->encode(*heartbeat, echo) && Json::accept(echo), "a heartbeat is echoed");
    }
}

// Any bytes as output, cut where a byte of the input says: valid chunks, none too big, and together what was
// printed.
void print(std::string_view bytes)
{
    Ends ends;
    std::string whole, told;
    std::uint64_t offset = 0;
    std::uint64_t sequence = 0;
    std::string_view rest = bytes;
    const std::string ended = std::string{bytes} + "."; // no character is left open
    rest = ended;
    while (!rest.empty()) {
        const std::size_t cut =
            std::min<std::size_t>(rest.size(), 1 + static_cast<unsigned char>(rest.front()) % 16);
        Stream stream{"c", 1, offset, rest.substr(0, cut)};
        stream.bytes = stream.bytes.substr(0, ends.agent->fitting(stream));
        demand(!stream.bytes.empty(), "some of it always fits");
        std::string frame;
        demand(ends.agent->encode(stream, frame), "output has words");
        const Json chunk = Json::parse(frame, nullptr, false);
        demand(chunk.is_object(), "a chunk is JSON and UTF-8");
        demand(chunk["payload"]["sequence"] == ++sequence, "chunks are counted");
        demand(!chunk["payload"].contains("dropped"), "nothing was dropped");
        told += chunk["payload"]["data"].get<std::string>();
        offset += stream.bytes.size();
        rest.remove_prefix(stream.bytes.size());
    }
    json::append(whole, ended);
    demand(Json::parse(whole).get<std::string>() == told, "the chunks together are what was printed");
}

// Any bytes as words: the frame stays valid JSON and UTF-8.
void write_any(std::string_view text)
{
    Ends ends;
    Result result;
    result.id = text;
    result.action = "command:request";
    result.outcome = Outcome::error;
    result.error = {text, text, text, {}};
    std::string frame;
    demand(ends.agent->encode(result, frame), "every result has words");
    demand(Json::accept(frame), "what we write is JSON");
    frame.clear();
    demand(ends.agent->encode(Event{text, "{}", text, 0}, frame) && Json::accept(frame), "an event is JSON");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto read_welcome = [](std::string_view frame) { read_as_agent(frame, true); };
    const auto read_more = [](std::string_view frame) { read_as_agent(frame, false); };
    return use_input(data, size, {{'w', read_welcome}, {'s', read_as_server}, {'o', print}, {'t', write_any}},
                     read_more);
}
