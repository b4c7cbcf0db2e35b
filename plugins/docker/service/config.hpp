// The plugin's configuration (plugins.docker.config), read once: the node's policy and what else the service
// needs.
//
//     {"socket": "/run/docker.sock", "data_dir": "/var/lib/agenthost/servers", "allow_images": ["ghcr.io/pelican-eggs/*"],
//      "registries": [{"registry": "ghcr.io", "username": "bot", "password": {"file": "/etc/agenthost/ghcr"}}], "pull": "missing"}
#pragma once

#include "project_ids.hpp"

#include "plugins/docker/server/crash_policy.hpp"
#include "plugins/docker/spec/node_policy.hpp"
#include "plugins/docker/transfer/settings.hpp"

#include "base/secret.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker::service {

// When an image is pulled: `missing` if the engine does not have it, `always` before each start (a failure is
// a warning when the image is there), `never`.
enum class PullPolicy : std::uint8_t { missing, always, never };

struct RegistryLogin {
    std::string registry, username;
    base::SecretSource password; // read before each pull, so that a renewed one is used
    bool operator==(const RegistryLogin&) const = default;
};

struct Config {
    std::string socket = "/run/docker.sock";
    NodePolicy policy;
    std::vector<RegistryLogin> registries;
    PullPolicy pull = PullPolicy::missing;
    std::chrono::milliseconds pull_timeout{std::chrono::hours{1}}, stop_timeout{std::chrono::seconds{30}},
        install_timeout{std::chrono::minutes{30}}, stats_interval{std::chrono::seconds{5}};
    bool restart_after_crash = true, crash_on_clean_exit = false;
    server::CrashLimits crash_limits;
    transfer::Settings transfers;
    std::uint32_t quota_first_project = default_first_project; // 0: no project quotas
};

// Throws agenthost::Error CONFIG_INVALID with the key's path.
Config parse_config(std::string_view json);

} // namespace agenthost::docker::service
