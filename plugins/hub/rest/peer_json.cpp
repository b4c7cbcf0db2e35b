#include "peer_json.hpp"

#include "wire/json/json.hpp"

#include <algorithm>

namespace agenthost::hub {

void write_peer_members(base::JsonWriter& writer, std::string_view peer,
                        std::initializer_list<std::string_view> ours)
{
    std::string why;
    const auto members = wire::json::split(peer, why);
    if (!members) return;
    for (const wire::json::Member& m : *members) {
        if (std::ranges::find(ours, m.key) == ours.end()) writer.member(m.key, base::RawJson{m.raw});
    }
}

} // namespace agenthost::hub
