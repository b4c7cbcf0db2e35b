#include "protocol.hpp"

#include <array>
#include <utility>

namespace agenthost::hub {

const AgentProtocol& agent_protocol(wire::Protocol protocol)
{
    // In the order of wire::Protocol.
    static constexpr std::array<const AgentProtocol*, 7> all{
        &storage_protocol, &panel_protocol,       &print_protocol,          &dashboard_protocol,
        &signed_protocol,  &panel_field_protocol, &dashboard_field_protocol};
    return *all.at(static_cast<std::size_t>(protocol));
}

Opening opening(wire::Protocol protocol, const Head& head, const AgentCredentials& credentials,
                std::int64_t now_ms)
{
    const AgentProtocol& rules = agent_protocol(protocol);
    return rules.opening == nullptr ? Opening{} : rules.opening(head, credentials, now_ms);
}

namespace {

template <class Recognizes> wire::Protocol dialect(wire::Protocol protocol, Recognizes recognizes)
{
    for (const wire::ProtocolTraits& row : wire::protocols()) {
        const bool of_this_protocol = !row.dialect.empty() && row.name == wire::name(protocol);
        if (of_this_protocol && recognizes(agent_protocol(row.protocol))) return row.protocol;
    }
    return protocol;
}

} // namespace

wire::Protocol dialect_by_upgrade(wire::Protocol protocol, const Head& head)
{
    return dialect(protocol, [&](const AgentProtocol& rules) {
        return rules.recognizes_upgrade != nullptr && rules.recognizes_upgrade(head);
    });
}

wire::Protocol dialect_by_first_frame(wire::Protocol protocol, std::string_view frame)
{
    return dialect(protocol, [&](const AgentProtocol& rules) {
        return rules.recognizes_first_frame != nullptr && rules.recognizes_first_frame(frame);
    });
}

Opening refuse_opening(std::string why) { return {.refused = std::move(why)}; }

Opening open_by_token(std::string_view token, const AgentCredentials& credentials, std::int64_t now_ms)
{
    std::string why;
    auto found = credentials.by_jwt(token, now_ms, why);
    if (!found) return refuse_opening("the agent's token is invalid: " + why);
    if (!valid_id(found->first)) return refuse_opening("the token's subject is not a valid agent id");
    return {.agent = std::move(found->first), .proof = std::move(found->second)};
}

} // namespace agenthost::hub
