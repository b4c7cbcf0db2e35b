#include "peer_json.hpp"

#include "wire/json/json.hpp"

#include <set>

namespace agenthost::hub {

namespace json = wire::json;

std::string with_peer_members(std::string_view ours, std::string_view peer)
{
    std::string out = "{" + std::string{ours}, why;
    std::set<std::string, std::less<>> taken;
    if (const auto own = json::split(out + "}", why)) { // its views end with the next split
        for (const json::Member& m : *own) taken.emplace(m.key);
    }
    if (const auto members = json::split(peer, why)) {
        for (const json::Member& m : *members) {
            if (taken.contains(m.key)) continue;
            if (out.size() > 1) out += ',';
            out.append(m.key_raw).append(":").append(m.raw);
        }
    }
    return out + "}";
}

} // namespace agenthost::hub
