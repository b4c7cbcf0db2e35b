#include "peer_json.hpp"

#include "wire/json/fields.hpp"

namespace agenthost::hub {

namespace json = wire::json;

std::string with_peer_members(std::string_view ours, std::string_view peer)
{
    std::string out = "{" + std::string{ours}, why;
    const std::string closed = out + "}";
    const auto own = json::split(closed, why);
    if (const auto members = json::split(peer, why)) {
        for (const json::Member& m : *members) {
            if (own && wire::find(*own, m.key) != nullptr) continue;
            if (out.size() > 1) out += ',';
            out.append(m.key_raw).append(":").append(m.raw);
        }
    }
    return out + "}";
}

} // namespace agenthost::hub
