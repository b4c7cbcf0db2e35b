#include "access.hpp"

#include "base/ascii.hpp"
#include "base/trim.hpp"

#include <algorithm>
#include <array>

namespace agenthost::hub {

namespace {

constexpr std::array<std::string_view, 3> names{"agent", "dashboard", "admin"}; // in the order of Role

} // namespace

std::string_view to_string(Role role) { return names.at(static_cast<std::size_t>(role)); }

std::optional<Role> role(std::string_view name)
{
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names.at(i) == name) return static_cast<Role>(i);
    }
    return std::nullopt;
}

bool Caller::sees(std::string_view agent) const
{
    if (role == Role::agent) return agent == subject;
    return role == Role::admin || !agents ||
           std::find(agents->begin(), agents->end(), agent) != agents->end();
}

std::string_view bearer_of(std::string_view authorization)
{
    constexpr std::string_view scheme = "bearer ";
    if (authorization.size() <= scheme.size()) return {};
    if (!base::equal_ignoring_case(authorization.substr(0, scheme.size()), scheme)) return {};
    return base::trim_front(authorization.substr(scheme.size()), " ");
}

} // namespace agenthost::hub
