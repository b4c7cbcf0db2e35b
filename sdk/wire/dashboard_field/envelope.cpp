#include "envelope.hpp"

#include "wire/json/canonical.hpp"
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
    out.type = fields.needed("type", most::action);
    out.id = fields.identifier("id", most::id);
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

void open_frame(std::string& out, const World& world, std::string_view type)
{
    out += R"({"type":)";
    json::append(out, type);
    out += R"(,"id":)";
    json::append(out, new_id(world));
    out += R"(,"timestamp":)";
    json::append_number(out, static_cast<double>(now(world)));
    out += R"(,"payload":)";
}

bool is_own_type(std::string_view type)
{
    return std::ranges::all_of(type, [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
}

// The document's frames begin with their version, which the dialect lacks.
void append_wrapped(std::string& out, const World& world, std::string_view document_frame)
{
    out += R"({"id":)";
    json::append(out, new_id(world));
    out += document_frame.substr(std::min(document_frame.find(','), document_frame.size()));
}

} // namespace agenthost::wire::dashboard_field
