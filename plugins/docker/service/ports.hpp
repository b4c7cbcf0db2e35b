// Finds who uses a port of the host, for PORT_CONFLICT: another server of this node, another container, or a
// process. Pure, but for holder_in_proc, which reads /proc (blocking: on a pool thread).
#pragma once

#include "plugins/docker/engine/facts.hpp"
#include "plugins/docker/ledger/claim.hpp"
#include "plugins/docker/spec/server_spec.hpp"

#include <optional>
#include <string>
#include <vector>

namespace agenthost::docker::service {

// "25565/udp".
std::string port_text(const PortMapping&);
std::string port_text(const ledger::HostPort&);

// "container web (nginx:1)"; of the rows other than `own_name`.
std::optional<std::string> holder_among(const std::vector<engine::ContainerRow>&,
                                        const std::vector<PortMapping>&, const std::string& own_name,
                                        PortMapping* which);
// "process java (pid 17)"; "another program" when it cannot be known.
std::optional<std::string> holder_in_proc(const std::vector<PortMapping>&, PortMapping* which,
                                          const std::string& proc = "/proc");

} // namespace agenthost::docker::service
