#include "permissions.hpp"

#include <algorithm>

namespace agenthost::host {

namespace {

bool lists(const std::vector<std::string>& patterns, std::string_view action)
{
    return std::ranges::any_of(patterns,
                               [action](const std::string& pattern) { return matches(pattern, action); });
}

} // namespace

bool allowed(const Policy& policy, const Action& action)
{
    return policy.allow ? lists(*policy.allow, action.name)
                        : Registry::allowed_by_default(action, policy.protocol);
}

bool allowed(const Policy& policy, const Registry::Missing& missing)
{
    return policy.allow ? lists(*policy.allow, missing.action) : missing.by_default;
}

bool admits_plugin(const Policy& policy, const Registry& registry, std::string_view plugin)
{
    return std::ranges::any_of(registry.all(), [&](const Action* action) {
        return *action->owner == plugin && allowed(policy, *action);
    });
}

std::string how_to_allow(const Policy& policy, const std::string& action)
{
    if (policy.allow)
        return "Add \"" + action + "\" to the allow list of server " + policy.name +
               " in the agent's agenthost.yaml to permit it.";
    // A list replaces the defaults, so it must name the actions in use as well.
    return "Server " + policy.name +
           " has no allow list, so only the actions of its protocol are permitted. To permit "
           "this one, give the server an allow list in the agent's agenthost.yaml with \"" +
           action + "\" and every other action it uses: the list replaces the defaults.";
}

} // namespace agenthost::host
