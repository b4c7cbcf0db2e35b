#include "words.hpp"

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
    const auto key = [&](std::string_view word) {
        out += out.back() == '{' ? "\"" : ",\"";
        out += word;
        out += "\":";
    };
    out += '{';
    for (const Name& name : names) {
        const json::Member* member = find(*members, name.*from);
        if (!member || member->kind != json::Kind::number) continue;
        key(name.*to);
        json::append_number(out, json::number(member->raw));
    }
    const json::Member* list = find(*members, load.*from);
    std::string loads;
    if (list && list->kind == json::Kind::array && json::append_canonical(loads, list->raw)) {
        key(load.*to);
        out += loads;
    }
    out += '}';
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

void append_readable(std::string& out, std::string_view data)
{
    constexpr std::size_t max_readable = 300;
    std::string why, text;
    const auto members = json::split(data, why);
    if (members) {
        const json::Member* const message = find(*members, "message");
        if (message && !message->text.empty()) return json::append(out, clip(message->text, most::text));
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
    json::append(out, text.empty() ? "ok" : text);
}

void append_time(std::string& out, std::int64_t at)
{
    if (at == 0) return;
    out += R"(,"timestamp":)";
    json::append_number(out, static_cast<double>(at));
}

} // namespace agenthost::wire
