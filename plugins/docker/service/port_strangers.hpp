// Finds out, before a server is created or started, whether somebody else holds one of its host ports: a
// running container, as the engine lists it, or a process, as a bind shows that is undone at once.
//
// Only what can be known quickly: if the engine does not list its containers, or lives in another network
// namespace than the agent, that half is left out. The engine itself decides when it starts the container.
#pragma once

#include "node_context.hpp"

#include "plugins/docker/ledger/ledger.hpp"

#include <functional>
#include <string>
#include <vector>

namespace agenthost::docker::service {

// Calls back later on the engine thread, with at most one holder; containers of `server` itself do not count.
// On the engine thread; binds on the disk pool. The context must live until the pool has ended.
void find_strangers(NodeContext&, const std::string& server, std::vector<ledger::HostPort>,
                    std::function<void(const std::vector<ledger::Stranger>&)> then);

// The half of the engine, pure. Ports that containers of the server hold are taken out of `ports`.
std::vector<ledger::Stranger> containers_on(const std::vector<engine::ContainerRow>&,
                                            const std::string& server, const std::string& owner,
                                            std::vector<ledger::HostPort>& ports);
// The half of the host. Blocking, for a moment.
std::vector<ledger::Stranger> processes_on(const std::vector<ledger::HostPort>&);
// Whether the process behind this unix socket surely shares the agent's network namespace. Blocking, for a
// moment.
bool shares_network(const std::string& socket);

} // namespace agenthost::docker::service
