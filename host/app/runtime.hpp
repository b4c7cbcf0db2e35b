// The daemon: start-up and shutdown as a list of steps. One per process; run() returns when it has ended.
#pragma once

#include "host/config/config.hpp"

#include <memory>
#include <string>

namespace agenthost::host {

struct RuntimePaths {
    std::vector<std::string> plugin_path; // if the configuration names none
    std::string runner;
};

class Runtime {
public:
    Runtime(LoadRequest, RuntimePaths);
    ~Runtime();
    // Exit code: 0 normal end, 1 a step failed, 78 invalid configuration.
    int run();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace agenthost::host
