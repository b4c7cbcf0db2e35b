#include "payloads.hpp"

#include "wire/json/canonical.hpp"
#include "wire/json/fields.hpp"

#include <array>

namespace agenthost::wire {
namespace {

struct Name {
    std::string_view ours, theirs;
};
constexpr std::array names{Name{"cpu_percent", "cpuPercent"}, Name{"mem_percent", "memPercent"},
                           Name{"disk_percent", "diskUsage"}, Name{"network_in_bps", "networkIn"},
                           Name{"network_out_bps", "networkOut"}};
constexpr Name load{"load_average", "loadAverage"};

// Renames members; drops values that are not numbers (for a list: not a list).
bool translate(std::string_view json, std::string_view Name::*from, std::string_view Name::*to,
               std::string& out)
{
    std::string why;
    const auto members = json::split(json, why);
    if (!members) return false;
    base::JsonWriter writer{out};
    writer.object();
    for (const Name& name : names) {
        const json::Member* member = find(*members, name.*from);
        if (!member || member->kind != json::Kind::number) continue;
        writer.member(name.*to, json::number(member->raw));
    }
    const json::Member* list = find(*members, load.*from);
    if (list && list->kind == json::Kind::array) write_canonical(writer.key(load.*to), list->raw);
    writer.end();
    return true;
}

} // namespace

bool to_wire_metrics(std::string_view json, std::string& out)
{
    return translate(json, &Name::ours, &Name::theirs, out);
}
bool from_wire_metrics(std::string_view payload, std::string& out)
{
    return translate(payload, &Name::theirs, &Name::ours, out);
}

bool write_canonical(base::JsonWriter& json, std::string_view text)
{
    return json.append_value([text](std::string& out) { return json::append_canonical(out, text); });
}

void write_readable(base::JsonWriter& json, std::string_view data)
{
    constexpr std::size_t max_readable = 300;
    std::string why, text;
    const auto members = json::split(data, why);
    if (members) {
        const json::Member* const message = find(*members, "message");
        if (message && !message->text.empty()) {
            json.value(clip(message->text, max_length::text));
            return;
        }
        for (const json::Member& member : *members) {
            const bool plain = member.kind == json::Kind::string || member.kind == json::Kind::number ||
                               member.kind == json::Kind::boolean;
            const std::string_view value = member.kind == json::Kind::string ? member.text : member.raw;
            if (!plain || value.empty() || text.size() + member.key.size() + value.size() > max_readable)
                continue;
            text.append(text.empty() ? "" : ", ").append(member.key).append(": ").append(value);
        }
    } else if (data.size() <= max_readable && data.front() != '[') {
        text = data; // a number, true or false
    }
    json.value(text.empty() ? std::string_view{"ok"} : text);
}

void write_timestamp(base::JsonWriter& json, std::int64_t at)
{
    if (at != 0) json.member("timestamp", static_cast<double>(at));
}

} // namespace agenthost::wire
