#include "values.hpp"

#include <array>

namespace agenthost::docker::server {

namespace {

template <std::size_t size, class Enum>
std::string_view name_of(const std::array<std::string_view, size>& names, Enum value)
{
    const auto at = static_cast<std::size_t>(value);
    return at < size ? names[at] : "?";
}

constexpr std::array<std::string_view, 7> goals{"none",    "install", "start", "stop",
                                                "restart", "kill",    "remove"};
constexpr std::array<std::string_view, 8> states{"offline", "installing", "install_failed", "starting",
                                                 "running", "stopping",   "crashed",        "stuck"};
constexpr std::array<std::string_view, 6> actions{"install_server", "start_server", "stop_server",
                                                  "restart_server", "kill_server",  "delete_server"};
constexpr std::array<std::string_view, timers> timer_names{"answer",  "stop",  "kill",
                                                           "backoff", "retry", "install"};
constexpr std::array<std::string_view, 13> verbs{
    "inspect", "check_ports",    "pull",          "create",           "start",      "signal",      "type",
    "kill",    "pull_installer", "run_installer", "remove_installer", "remove_all", "remove_files"};

} // namespace

std::string_view to_string(Goal goal) { return name_of(goals, goal); }
std::string_view to_string(State state) { return name_of(states, state); }
std::string_view to_string(Action action) { return name_of(actions, action); }
std::string_view to_string(Timer timer) { return name_of(timer_names, timer); }
std::string_view to_string(Verb verb) { return name_of(verbs, verb); }

} // namespace agenthost::docker::server
