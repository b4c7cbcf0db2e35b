// Writes the JSON body of POST /containers/create. Only this file decides what a container looks like to the
// engine.
//
// Whoever reaches the engine's socket may ask for anything ("Binds": ["/:/host"], "Privileged": true), and
// the engine grants it. So the body is written member by member from a ContainerPlan and the node's policy:
// read-only root, all capabilities dropped except the node's own list, no-new-privileges, limits of memory,
// processes and CPU, private namespaces, one folder of the host. Fields are those of API 1.40 to 1.5x;
// MaskedPaths and ReadonlyPaths are absent, which means the engine's own lists.
//
// Labels: agenthost.server (the id), agenthost.role (server or installer), agenthost.spec (SHA-256 of the
// body without this label: a container with another hash was created from another specification),
// agenthost.owner (the agent's own random id; not part of the hash, so that older containers keep theirs).
#pragma once

#include "server_plan.hpp"

#include <string>

namespace agenthost::docker {

inline constexpr const char* server_label = "agenthost.server";
inline constexpr const char* role_label = "agenthost.role";
inline constexpr const char* owner_label = "agenthost.owner";
inline constexpr const char* spec_label = "agenthost.spec";

// Without an owner, that label is absent.
std::string create_body(const ContainerPlan&, const NodePolicy&, const std::string& owner = {});
// The value of agenthost.spec.
std::string spec_hash(const ContainerPlan&, const NodePolicy&);

} // namespace agenthost::docker
