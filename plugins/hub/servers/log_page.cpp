#include "log_page.hpp"

#include "base/json_depth.hpp"

#include <nlohmann/json.hpp>

namespace agenthost::hub {

namespace {

using nlohmann::json;

std::optional<std::uint64_t> number(const json& object, const char* key)
{
    const auto at = object.find(key);
    if (at == object.end() || !at->is_number_unsigned()) return std::nullopt;
    return at->get<std::uint64_t>();
}

const json* list(const json& object, const char* key)
{
    const auto at = object.find(key);
    return at != object.end() && at->is_array() ? &*at : nullptr;
}

std::string text(const json& object)
{
    for (const char* key : {"text", "message"}) {
        const auto at = object.find(key);
        if (at != object.end() && at->is_string()) return at->get<std::string>();
    }
    return {};
}

bool continues(const json& entry)
{
    const auto at = entry.find("continues");
    return at != entry.end() && at->is_boolean() && at->get<bool>();
}

} // namespace

std::optional<LogPage> read_log_page(std::string_view data)
{
    const json from = base::parse_json<json>(data);
    if (!from.is_object()) return std::nullopt;
    const json* entries = list(from, "entries");
    if (entries == nullptr) entries = list(from, "lines");
    if (entries == nullptr) return std::nullopt;
    LogPage page;
    std::optional<std::uint64_t> last;
    for (const json& entry : *entries) {
        if (entry.is_string()) {
            page.text += entry.get<std::string>() + "\n";
            continue;
        }
        if (!entry.is_object()) continue;
        // A part of a long line.
        if (continues(entry) && page.text.ends_with('\n')) page.text.pop_back();
        page.text += text(entry) + "\n";
        last = number(entry, "position");
        if (!page.from) page.from = last;
    }
    page.next = number(from, "next");
    if (!page.next && last) page.next = *last + 1;
    page.end = number(from, "end");
    return page;
}

std::optional<LogLine> read_log_event(std::string_view data)
{
    const json from = base::parse_json<json>(data);
    if (!from.is_object()) return std::nullopt;
    LogLine line{.text = text(from), .position = number(from, "position")};
    line.lines = number(from, "entries").value_or(1);
    line.dropped = number(from, "dropped").value_or(0);
    if (line.lines > 0) line.text += "\n";
    return line;
}

} // namespace agenthost::hub
