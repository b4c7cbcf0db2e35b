#include "machine_report.hpp"

#include "base/json_writer.hpp"
#include "wire/json/fields.hpp"
#include "wire/json/json.hpp"

#include <algorithm>
#include <string_view>

namespace agenthost::hub {

namespace {

namespace json = wire::json;

std::string_view of_kind(const std::vector<Report>& reports, std::string_view kind)
{
    const auto at =
        std::find_if(reports.begin(), reports.end(), [&](const Report& r) { return r.kind == kind; });
    return at == reports.end() ? std::string_view{} : std::string_view{at->json};
}

} // namespace

std::string machine_of(const std::vector<Report>& reports)
{
    std::string ignored;
    const auto registered = json::split(of_kind(reports, machine_report::registration), ignored);
    const auto changed = json::split(of_kind(reports, machine_report::changed), ignored);
    if (!registered && !changed) return {};
    std::string out;
    base::JsonWriter writer{out};
    writer.object();
    if (registered)
        for (const json::Member& member : *registered)
            if (!changed || wire::find(*changed, member.key) == nullptr) wire::write_member(writer, member);
    if (changed)
        for (const json::Member& member : *changed) wire::write_member(writer, member);
    writer.end();
    return out;
}

} // namespace agenthost::hub
