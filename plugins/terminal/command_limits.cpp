#include "command_limits.hpp"

#include <utility>

namespace agenthost::terminal {

void CommandLimits::open(const Config& config)
{
    cgroups_.close();
    if (config.cgroup) cgroups_.open(config.limits);
    std::string problem = cgroups_.problem();
    if (!problem.empty()) context_.log(Level::warn, problem);
    // The default limit is a precaution that may be weakened; a requested limit must be enforced.
    if (config.limits.memory == 0 && config.limits.processes_by_default) problem.clear();
    const std::lock_guard lock{mutex_};
    problem_ = std::move(problem);
}

Cgroup CommandLimits::make(const Config& config)
{
    return config.cgroup ? cgroups_.make(config.limits) : Cgroup{};
}

void CommandLimits::outside_cgroup()
{
    const std::lock_guard lock{mutex_};
    if (!problem_.empty()) return;
    problem_ =
        "a command could not be put into its cgroup, so its limits hold for its user and for each process "
        "only. Start agenthost in a cgroup of its own (Delegate=yes in its systemd unit), or set "
        "plugins.terminal.config.cgroup to off";
    context_.log(Level::warn, problem_);
}

std::string CommandLimits::problem() const
{
    const std::lock_guard lock{mutex_};
    return problem_;
}

} // namespace agenthost::terminal
