#include "users.hpp"

#include <agenthost/error.hpp>

namespace agenthost::terminal {

Users::Users(const Config& config)
{
    try {
        standard_ = default_user(config.run_as);
        for (const std::string& name : config.run_as_allow) allowed_[name] = find_user(name);
        allowed_.emplace(standard_.name, standard_);
    } catch (const std::exception& e) {
        throw Error{"CONFIG_INVALID", std::string{"plugins.terminal.config.run_as: "} + e.what()};
    }
}

const User& Users::find(const std::string& run_as) const
{
    if (run_as.empty()) return standard_;
    const auto found = allowed_.find(run_as);
    if (found != allowed_.end()) return found->second;
    throw Error{"DENIED",
                "commands do not run as " + run_as +
                    " here. On the agent's machine, add it to plugins.terminal.config.run_as_allow",
                AGH_E_DENIED};
}

} // namespace agenthost::terminal
