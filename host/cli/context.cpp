#include "context.hpp"

#include "host/config/defaults.hpp"

#include <unistd.h>

#include <cstdlib>

namespace agenthost::host::cli {

namespace fs = std::filesystem;

fs::path Context::control_socket() const
{
    if (!control.empty()) return control;
    if (const char* given = std::getenv("AGENTHOST_CONTROL"); given && *given) return given;
    const fs::path own = find_control_socket(load);
    std::error_code ignored;
    const fs::path system = "/run/agenthost/control.sock";
    if (::geteuid() != 0 && load.file.empty() && !fs::exists(own, ignored) && fs::exists(system, ignored))
        return system;
    return own;
}

std::vector<std::string> Context::plugin_path() const
{
    const LoadResult loaded = load_config(load);
    std::vector<std::string> out;
    for (const fs::path& folder : loaded.config ? loaded.config->plugin_path : default_plugin_path())
        out.push_back(folder.string());
    return out;
}

} // namespace agenthost::host::cli
