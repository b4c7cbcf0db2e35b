// Checks a plugin's configuration with the plugin's own code, without starting it: create(),
// agenthost.check/1, destroy(). Used by the runner (`agenthost-runner --check`), so that a plugin that
// crashes or hangs ends only that process; called in-process if there is no runner.
#pragma once

#include <agenthost/abi.h>

#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host::runner {

struct CheckReport {
    bool warning = false;
    std::string key, text; // key: "limits.memory"; empty: the configuration as a whole
};

std::vector<CheckReport> check_config(const agh_entry_v1&, const std::string& state_directory,
                                      std::string_view config, const std::vector<std::string>& listeners);

// The runner's output: one report per line, then "done". parse returns false if "done" is missing, because
// the process died.
std::string print_reports(const std::vector<CheckReport>&);
bool parse_reports(std::string_view text, std::vector<CheckReport>& out);

// `agenthost-runner --check LIBRARY STATE_DIRECTORY [LISTENER...]`, the configuration on standard input. The
// exit code.
int check_main(int argc, char** argv);

} // namespace agenthost::host::runner
