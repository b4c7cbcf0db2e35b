// A plugin's own judgement of its configuration.
#pragma once

#include "plugin.hpp"

#include <string>
#include <vector>

namespace agenthost::host {

struct Config;

struct ConfigFinding {
    bool warning = false;
    std::string text; // a full sentence with its place
};
// create(), agenthost.check/1 (ext/check.h), destroy(): the plugin is not started. In the program `runner`, or here when there is none.
// Blocking, at most the manifest's create timeout. Only after check_permissions() and the schema found nothing.
std::vector<ConfigFinding> check_plugin_config(const FoundPlugin&, const PluginConfig&, const Config&,
                                               const std::string& runner);

} // namespace agenthost::host
