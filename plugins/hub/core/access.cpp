#include "access.hpp"

#include <algorithm>
#include <array>

namespace agenthost::hub {

namespace {

constexpr std::array<std::string_view, 3> names{"agent", "dashboard", "admin"}; // in the order of Role

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

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
    for (std::size_t i = 0; i < scheme.size(); ++i) {
        if (lower(authorization[i]) != scheme[i]) return {};
    }
    authorization.remove_prefix(scheme.size());
    while (authorization.starts_with(' ')) authorization.remove_prefix(1);
    return authorization;
}

} // namespace agenthost::hub
