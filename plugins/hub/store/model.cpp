#include "model.hpp"

#include "wire/protocol_traits.hpp"

#include <algorithm>
#include <array>

namespace agenthost::hub {

bool carries_output(const AgentRecord& agent)
{
    const wire::ProtocolTraits* row = wire::find_traits(agent.protocol);
    return row != nullptr && row->carries_output;
}

std::string_view to_string(TaskState s)
{
    static constexpr std::array<std::string_view, 6> names{"pending", "dispatched", "running",
                                                           "success", "error",      "failed"};
    return names.at(static_cast<std::size_t>(s));
}

bool valid_id(std::string_view id, std::size_t max_size)
{
    if (id.empty() || id.size() > max_size || id == "." || id == "..") return false;
    return std::none_of(id.begin(), id.end(),
                        [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '/' || c == '\\'; });
}

} // namespace agenthost::hub
