// Reads the parameters of actions; the manifest's schemas have checked their types. Throws agenthost::Error.
#pragma once

#include "plugins/docker/console/ring.hpp"
#include "plugins/docker/server/values.hpp"

#include <agenthost/request.hpp>

#include <cstddef>
#include <string>

namespace agenthost::docker::service {

// The command's target, or the parameter serverId.
std::string server_id(const Request&);
std::string text_param(const Request&, const char* key, std::size_t max);
// The parameters, with the target as serverId when they have none.
std::string create_payload(const Request&);
// The member `start` of the parameters.
bool wants_start(const std::string& params);
// signal and timeout (seconds).
server::Power stop_options(const Request&);
// The parameter command: one line.
std::string command_line(const Request&);

struct LogQuestion {
    console::Query query;
    bool install = false; // the log of the last installation
};
LogQuestion log_question(const Request&);

struct ListQuestion {
    static constexpr std::size_t max_limit = 1000; // as many servers as a node may have
    std::string after;                             // the last id of the page before
    std::size_t limit = max_limit;
};
ListQuestion list_question(const Request&);

} // namespace agenthost::docker::service
