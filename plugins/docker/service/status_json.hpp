// The answers of get_status, list_servers and get_logs, in the panel document's shapes. Pure but for what it
// asks the server.
#pragma once

#include "fleet.hpp"
#include "node_report.hpp"
#include "params.hpp"

#include <optional>
#include <string>

namespace agenthost::docker::service {

// {"serverId":"s1","status":"running","containerId":"..","uptime":3600,"resources":{"cpu":45.2,"memory":{"used":"1024m",
//  "available":"2048m"},"network":{"tx":1,"rx":2},"disk":{"used":"17m","available":"5120m",
//  "countedBy":"kernel"}}}; unknown members are absent. Reads the container's usage.
std::string status_json(ServerShell&, const std::optional<DiskUse>&);
// A page of the servers in the order of their ids, with "next" when there are more, and what the node offers.
std::string list_json(const Fleet&, const ListQuestion&, const NodeReport&);
std::string page_json(const std::string& id, const console::Page&);

} // namespace agenthost::docker::service
