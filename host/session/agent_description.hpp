// Describes this agent to a server: its id, its machine, its plugins' capabilities, and until hello is sent
// its credential. Main I/O thread. Owned by OutboundSession.
#pragma once

#include "wire/message.hpp"

#include <string>
#include <string_view>

namespace agenthost::host {

struct AgentDescription {
    // With the name and the architecture of this machine.
    static AgentDescription of_this_machine();
    // The views are valid as long as this object is not changed.
    [[nodiscard]] wire::Hello hello(std::string_view version) const;

    std::string id, host_name, arch;
    // A JSON array.
    std::string capabilities;
    // Only from preparing a connection until hello is sent.
    std::string credential;
};

} // namespace agenthost::host
