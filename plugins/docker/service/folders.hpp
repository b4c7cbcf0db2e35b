// The folders of a server on the host: created for its user, and removed. Blocking: on a pool thread.
#pragma once

#include "plugins/docker/spec/server_plan.hpp"

#include <cstdint>
#include <string>

namespace agenthost::docker::service {

// The server's folder below data_dir, for its user; an existing one stays as it is. Throws agenthost::Error.
void prepare_folder(const NodePolicy&, const std::string& id);
// The installer's script and temporary folder; what an earlier installer left is removed. Throws.
void prepare_install(const ServerPlan&, const NodePolicy&);
// All of the server's folders. Links are removed, never followed. Throws when something is left.
void remove_folders(const std::string& data_dir, const std::string& id);
void remove_install(const std::string& data_dir, const std::string& id);

// The log of the last installation, at most max_install_log bytes. load_install_log returns "" if no log
// exists.
constexpr std::size_t max_install_log = 128 * 1024;
void save_install_log(const std::string& folder, const std::string& text);
std::string load_install_log(const std::string& folder);

} // namespace agenthost::docker::service
