// Calls an action of the running agent through its control socket. Blocking.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace agenthost::printer::cli {

// --control, else $AGENTHOST_CONTROL (which `agenthost` sets), else /run/agenthost/control.sock.
std::string control_socket(const std::string& given);

// The result of the action. It may take as long as it likes: paper may be out. Throws std::runtime_error with
// the agent's
// sentence and its code.
nlohmann::json call_agent(const std::string& socket, std::string_view action, const nlohmann::json& params);

} // namespace agenthost::printer::cli
