// The storage codec, both ends, against arbitrary bytes: never crashes, never reads outside, and what it
// accepts means the same to another JSON parser and survives being written again. The first byte says which
// end reads.
#include "tests/fuzz/promise.hpp"

#include "wire/codec.hpp"
#include "wire/json/json.hpp"

#include <cstdint>
#include <string>

using namespace agenthost::wire;
using Json = nlohmann::json;

namespace {

// A frame that is one JSON object to us is one to nlohmann too, with the same members.
void compare(std::string_view frame)
{
    std::string why;
    const auto members = json::split(frame, why);
    if (!members) return demand(!why.empty(), "a refusal says why");
    const Json other = Json::parse(frame, nullptr, false);
    demand(other.is_object(), "what we take for an object is one");
    demand(other.size() == members->size(), "no member is lost or twice");
    for (const auto& member : *members) {
        const auto found = other.find(std::string{member.key});
        demand(found != other.end(), "keys are read alike");
        demand(Json::parse(member.raw, nullptr, false) == *found, "values are cut where they end");
        if (member.kind == json::Kind::string)
            demand(found->get_ref<const std::string&>() == member.text, "strings are read alike");
    }
}

void read_as_agent(std::string_view frame, bool authenticating)
{
    const auto agent = agent_codec(Protocol::storage);
    const auto server = server_codec(Protocol::storage);
    const FromServer message = agent->decode(frame, authenticating);
    const auto* command = std::get_if<Command>(&message);
    if (!command) return;
    demand(!authenticating, "no command before the answer to auth");
    demand(!command->id.empty() && !command->action.empty(), "a command has an id and an action");
    demand(command->id.find('\0') == std::string_view::npos, "no NUL in an id");
    demand(Json::parse(command->params, nullptr, false).is_object(), "params are an object");
    std::string again;
    demand(server->encode(*command, again), "what was read can be written");
    const auto other_agent = agent_codec(Protocol::storage);
    const FromServer reread = other_agent->decode(again, false);
    const auto* same = std::get_if<Command>(&reread);
    demand(same && same->id == command->id && same->action == command->action &&
               same->params == command->params,
           "a command means the same when written again");
}

void read_as_server(std::string_view frame)
{
    const auto agent = agent_codec(Protocol::storage);
    const auto server = server_codec(Protocol::storage);
    const FromAgent message = server->decode(frame);
    const auto* result = std::get_if<Result>(&message);
    if (!result) return;
    std::string again;
    demand(agent->encode(*result, again), "what was read can be written");
    const auto other_server = server_codec(Protocol::storage);
    const FromAgent reread = other_server->decode(again);
    const auto* same = std::get_if<Result>(&reread);
    demand(same && same->id == result->id && same->outcome == result->outcome && same->data == result->data,
           "a result means the same when written again");
}

// Any bytes as text: the frame stays valid JSON and UTF-8.
void write_any(std::string_view text)
{
    const auto agent = agent_codec(Protocol::storage);
    Result result;
    result.id = text;
    result.outcome = Outcome::error;
    result.error = {"DENIED", text, text, {}};
    std::string frame;
    demand(agent->encode(result, frame), "every result has words");
    demand(Json::accept(frame), "what we write is JSON");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto read_welcome = [](std::string_view frame) {
        compare(frame);
        read_as_agent(frame, true);
    };
    const auto read_as_hub = [](std::string_view frame) {
        compare(frame);
        read_as_server(frame);
    };
    const auto write = [](std::string_view text) {
        compare(text);
        write_any(text);
    };
    const auto read_more = [](std::string_view frame) {
        compare(frame);
        read_as_agent(frame, false);
    };
    return use_input(data, size, {{'w', read_welcome}, {'s', read_as_hub}, {'t', write}}, read_more);
}
