// The actions that the host itself answers. One table for the dispatcher, which serves them, and for the
// configuration check, which needs their names.
#pragma once

#include <array>
#include <string_view>

namespace agenthost::host {

enum class HostAction { ping, status, actions };

struct HostActionInfo {
    HostAction action;
    std::string_view name, summary;
};

inline constexpr std::array host_actions{
    HostActionInfo{HostAction::ping, "host.ping", "Answers at once, without a plugin"},
    HostActionInfo{HostAction::status, "host.status", "What the agent is doing"},
    HostActionInfo{HostAction::actions, "host.actions", "The actions this server may run"},
};

} // namespace agenthost::host
