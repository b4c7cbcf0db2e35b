// The callers of the REST API, their roles and what they may see. Pure.
//
//   admin      the admin token, minted REST tokens, JWTs with role admin: everything
//   dashboard  JWTs with role dashboard: sees and commands agents, only those of its claim `agents` when it has
//              one
//   agent      JWTs of agents: no REST route except POST /api/agents/refresh, which needs no bearer token
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

enum class Role : std::uint8_t { agent, dashboard, admin };
std::string_view to_string(Role);
std::optional<Role> role(std::string_view word);

struct Caller {
    Role role = Role::agent;
    std::string subject;                            // the token's owner, for logs
    std::optional<std::vector<std::string>> agents; // absent: all
    std::int64_t expires = 0;                       // UTC ms; 0: never

    // For a caller, agents that it may not see do not exist: 404, absent from lists.
    [[nodiscard]] bool sees(std::string_view agent) const;
    // All visible agents, for lists; nullopt: every agent. Never called for Role::agent, which has no lists.
    [[nodiscard]] std::optional<std::vector<std::string>> sight() const
    {
        return role == Role::dashboard ? agents : std::nullopt;
    }
};

// "Bearer X" -> X, with the scheme in any case; empty: something else.
std::string_view bearer_of(std::string_view authorization);

} // namespace agenthost::hub
