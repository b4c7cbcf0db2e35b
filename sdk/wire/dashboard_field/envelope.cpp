#include "envelope.hpp"

#include "wire/json/numbers.hpp"
#include "wire/session/answers.hpp"

#include <algorithm>

namespace agenthost::wire::dashboard_field {

bool read_frame(std::string_view frame, Scratch& scratch, Frame& out, std::string& why)
{
    const auto members = json::split(frame, why);
    if (!members) return false;
    scratch.begin(frame);
    FieldReader fields{*members, scratch};
    out.type = fields.needed("type", max_length::action);
    out.id = fields.identifier("id", max_length::id);
    why = std::move(fields.problem);
    const auto check = [&why](bool holds, const char* problem) {
        if (why.empty() && !holds) why = problem;
    };
    const json::Member* const id = find(*members, "id");
    check(id && id->kind == json::Kind::string, "id is missing");
    const json::Member* const payload = find(*members, "payload");
    const bool object = payload && payload->kind == json::Kind::object;
    if (object) out.payload = payload->raw;
    check(object, payload ? "payload is not an object" : "payload is missing");
    const json::Member* const at = find(*members, "timestamp");
    check(at && read_time(*at, out.at),
          at ? "timestamp is not a time in milliseconds" : "timestamp is missing");
    if (at) out.timestamp = at->raw;
    return why.empty();
}

base::JsonWriter& open_frame(base::JsonWriter& json, const Environment& environment, std::string_view type)
{
    json.object().member("type", type).member("id", new_id(environment));
    return json.member("timestamp", static_cast<double>(now(environment))).key("payload");
}

bool is_own_type(std::string_view type)
{
    return std::ranges::all_of(type, [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
}

// The document's frames begin with their version, which the dialect lacks.
void write_wrapped(std::string& out, const Environment& environment, std::string_view document_frame)
{
    std::string_view members = members_of(document_frame);
    members.remove_prefix(members.find(',') + 1);
    constexpr std::size_t id_member = 48;
    out.reserve(out.size() + members.size() + id_member);
    base::JsonWriter{out}.object().member("id", new_id(environment)).raw_members(members).end();
}

} // namespace agenthost::wire::dashboard_field
