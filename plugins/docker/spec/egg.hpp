// Reads the payload of create_server into a ServerSpec: the document's eggConfig, and egg files of
// Pterodactyl and Pelican.
//
//     {"serverId": "s1", "eggConfig": {"image": "ghcr.io/pelican-eggs/yolks:java_21",
//       "ports": {"25565": 25565, "24454/udp": 24454}, "environment": {"SERVER_JARFILE": "server.jar"},
//       "limits": {"memory": "2048m", "cpu": "2", "disk": "5g"},
//       "startup": "java -Xmx{{SERVER_MEMORY}}M -jar {{SERVER_JARFILE}}",
//       "stop": "stop", "done": ")! For help, type "}}
//     {"serverId": "s1", "eggConfig": {"egg": {"meta": {"version": "PTDL_v2"}, ...}, "ports": ..., ...}}
//     {"serverId": "s1", "eggConfig": {"meta": {"version": "PTDL_v2"}, ...}, "ports": ..., "limits": ...}
//
// Members of the first form beside an egg file override it: image (a reference, or a label of docker_images),
// startup, shell, stop, done, query, files, install. PTDL_v1, PTDL_v2 and PLCN_v1 to PLCN_v3 are read.
// Everything has a bound; what is wrong throws CONFIG_INVALID with its path. Templates and limits are not
// judged here: server_plan.hpp does it with the node's policy.
#pragma once

#include "server_spec.hpp"

#include <string>
#include <string_view>

namespace agenthost::docker {

ServerSpec read_create_server(std::string_view payload);

// Ids become container names, labels and folder names: 1 to 64 letters, digits, _ . and -, the first a letter
// or digit. The ending "_installer" is ours. Throws CONFIG_INVALID.
void check_server_id(std::string_view id, std::string_view path);

} // namespace agenthost::docker
