#include "messages.hpp"

#include "base/base64.hpp"
#include "wire/json/fields.hpp"
#include "wire/json/json.hpp"
#include "wire/json/numbers.hpp"

#include <cstddef>
#include <span>

namespace agenthost::hub {

namespace {

namespace json = wire::json;

constexpr std::size_t max_queue = 64U << 10;

std::string_view text_of(std::span<const json::Member> members, std::string_view key)
{
    const json::Member* member = wire::find(members, key);
    return member != nullptr ? member->text : std::string_view{};
}

std::optional<std::uint64_t> number_of(std::span<const json::Member> members, std::string_view key)
{
    std::uint64_t number = 0;
    const json::Member* member = wire::find(members, key);
    if (member == nullptr || !wire::read_whole(*member, number)) return std::nullopt;
    return number;
}

// Agents use both names for the same member.
const json::Member* find_either(std::span<const json::Member> members, std::string_view key,
                                std::string_view other)
{
    const json::Member* member = wire::find(members, key);
    return member != nullptr ? member : wire::find(members, other);
}

} // namespace

std::optional<RunProgress> read_progress(std::string_view text)
{
    std::string why;
    const auto members = json::split(text, why);
    if (!members) return std::nullopt;
    return RunProgress{.running = text_of(*members, "status") == "running",
                       .position = number_of(*members, "position")};
}

std::optional<std::string_view> read_queue(const wire::Event& event)
{
    if (event.topic != "command_queue" && event.topic != "terminal.command_queue") return std::nullopt;
    std::string why;
    const auto members = json::split(event.json, why);
    const json::Member* queue = members ? wire::find(*members, "queue") : nullptr;
    if (queue == nullptr || queue->kind != json::Kind::array || queue->raw.size() > max_queue)
        return std::nullopt;
    return queue->raw;
}

std::optional<OutputEvent> read_output(const wire::Event& event)
{
    if (event.topic != "output") return std::nullopt;
    std::string why;
    const auto members = json::split(event.json, why);
    if (!members) return std::nullopt;
    const json::Member* id = find_either(*members, "commandId", "id");
    const json::Member* data = find_either(*members, "data", "text");
    if (id == nullptr || data == nullptr || data->kind != json::Kind::string) return std::nullopt;
    OutputEvent output{.run = std::string{id->text},
                       .channel = text_of(*members, "stream") == "stderr" ? 2U : 1U,
                       .offset = number_of(*members, "offset"),
                       .bytes = {}};
    if (text_of(*members, "encoding") != "base64")
        output.bytes = data->text;
    else if (!base::append_from_base64(output.bytes, data->text))
        return std::nullopt;
    return output;
}

} // namespace agenthost::hub
