// Writes the daemon's state as JSON, for `agenthost status` and GET /v1/status. Fields are named like the
// structs' members.
#pragma once

#include "host/dispatch/dispatcher.hpp"
#include "host/dispatch/journal/journal.hpp"
#include "host/listener/listener.hpp"
#include "host/observe/audit.hpp"
#include "host/observe/conditions.hpp"
#include "host/observe/process.hpp"
#include "host/plugin/plugin.hpp"
#include "host/session/session.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host {

struct StatusParts {
    std::string agent_id, version;
    int pid = 0;
    std::int64_t uptime_s = 0;
    bool ready = false, draining = false;
    std::vector<SessionStatus> servers;
    std::vector<ListenerStatus> listeners;
    std::vector<PluginStatus> plugins;
    DispatchStats dispatch;
    JournalStats journal;
    ProcessCost process;
    Audit::Stats audit;
    std::vector<Condition> conditions; // current conditions; empty: healthy
    std::string facts;                 // JSON
};

std::string status_json(const StatusParts&);
// {"healthy":false,"status":"degraded","ready":true,"problems":["journal:
// ..."],"conditions":[{"id":...,"reason":...,"grade":...,"since":...}]}
std::string health_json(const std::vector<Condition>&, bool ready);
// healthy | degraded | unhealthy: the worst condition.
std::string_view health_name(const std::vector<Condition>&);
std::string plugins_json(const std::vector<PluginStatus>&);

} // namespace agenthost::host
