// Default paths and names.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace agenthost::host {

std::filesystem::path default_config_file(); // $AGENTHOST_CONFIG, else /etc/agenthost/agenthost.yaml
// $STATE_DIRECTORY (systemd), /var/lib/agenthost for root, else $XDG_STATE_HOME/agenthost or
// ~/.local/state/agenthost.
std::filesystem::path default_state_dir();
// $RUNTIME_DIRECTORY (systemd), /run/agenthost for root, else $XDG_RUNTIME_DIR/agenthost, else the state
// directory; + control.sock.
std::filesystem::path default_control_socket(const std::filesystem::path& state_dir);
// ../lib/agenthost/plugins-1 next to this program if it exists (a build tree), else the installed one.
std::vector<std::filesystem::path> default_plugin_path();
std::filesystem::path
default_runner(); // ../lib/agenthost/agenthost-runner next to this program, else the installed one
std::string default_agent_id(); // the host name

} // namespace agenthost::host
