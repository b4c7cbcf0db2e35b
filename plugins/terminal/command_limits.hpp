// Gives each command a cgroup, and reports which configured limits no cgroup enforces. Loop thread, problem()
// any.
#pragma once

#include "cgroup.hpp"
#include "config.hpp"

#include <agenthost/context.hpp>

#include <mutex>
#include <string>

namespace agenthost::terminal {

class CommandLimits {
public:
    explicit CommandLimits(Context& context) : context_{context} {}

    void open(const Config&); // for commands to come
    Cgroup make(const Config&);
    void outside_cgroup(); // a command could not be put into its cgroup
    [[nodiscard]] std::string describe() const { return cgroups_.describe(); } // "v2", for the log
    [[nodiscard]] std::string problem() const;                                 // for health; empty: none

private:
    Context& context_;
    Cgroups cgroups_;
    mutable std::mutex mutex_;
    std::string problem_; // of limits that were asked for; under mutex_
};

} // namespace agenthost::terminal
