// Checks a configuration with the plugin's own code.
#pragma once

#include "plugin.hpp"

#include <string>
#include <vector>

namespace agenthost::host {

struct Config;

struct ConfigFinding {
    bool warning = false;
    std::string text; // a complete sentence with its place
};
// Calls create(), agenthost.check/1 (ext/check.h), destroy(): the plugin is not started. Runs
// in the program `runner`, or in this process if `runner` is empty. Blocks for at most the manifest's create
// timeout. Requires that check_file_ownership() and the schema found no problem.
std::vector<ConfigFinding> check_plugin_config(const FoundPlugin&, const PluginConfig&, const Config&,
                                               const std::string& runner);

} // namespace agenthost::host
