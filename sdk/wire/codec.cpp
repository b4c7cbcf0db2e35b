#include "codec.hpp"

#include "storage.hpp"

#include <array>

namespace agenthost::wire {
namespace {

constexpr std::array<std::string_view, 5> names{"storage", "panel", "print", "dashboard",
                                                "signed"}; // in the order of Protocol

} // namespace

std::string_view name(Protocol protocol) { return names[static_cast<std::size_t>(protocol)]; }

std::optional<Protocol> protocol(std::string_view name)
{
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == name) return static_cast<Protocol>(i);
    }
    return std::nullopt;
}

std::unique_ptr<AgentCodec> agent_codec(Protocol protocol)
{
    if (protocol == Protocol::storage) return std::make_unique<StorageAgentCodec>();
    return nullptr;
}

std::unique_ptr<ServerCodec> server_codec(Protocol protocol)
{
    if (protocol == Protocol::storage) return std::make_unique<StorageServerCodec>();
    return nullptr;
}

} // namespace agenthost::wire
