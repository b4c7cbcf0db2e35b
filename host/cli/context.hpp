// The context of every verb: the common options, and where to print.
#pragma once

#include "host/config/config.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace agenthost::host::cli {

constexpr int ok = 0, failed = 1, usage = 2, bad_config = 78;

struct Context {
    LoadRequest load;
    std::string control; // --control-socket; empty: environment, configuration, default
    bool json = false;

    // The first that is given of --control-socket, $AGENTHOST_CONTROL and control.socket of the
    // configuration; else the default. A plain user without a running daemon gets the system's daemon.
    [[nodiscard]] std::filesystem::path control_socket() const;
    // From the configuration when it loads, else the default.
    [[nodiscard]] std::vector<std::string> plugin_path() const;
};

} // namespace agenthost::host::cli
