#include "values.hpp"

#include <array>

namespace agenthost::docker::server {

namespace {

template <std::size_t size, class Enum>
std::string_view word(const std::array<std::string_view, size>& words, Enum value)
{
    const auto at = static_cast<std::size_t>(value);
    return at < size ? words[at] : "?";
}

constexpr std::array<std::string_view, 7> goals{"none",    "install", "start", "stop",
                                                "restart", "kill",    "remove"};
constexpr std::array<std::string_view, 8> states{"offline", "installing", "install_failed", "starting",
                                                 "running", "stopping",   "crashed",        "stuck"};
constexpr std::array<std::string_view, 6> actions{"install_server", "start_server", "stop_server",
                                                  "restart_server", "kill_server",  "delete_server"};
constexpr std::array<std::string_view, timers> timer_words{"answer",  "stop",  "kill",
                                                           "backoff", "retry", "install"};
constexpr std::array<std::string_view, 12> verbs{
    "inspect",        "pull",          "create",           "start",      "signal",      "type", "kill",
    "pull_installer", "run_installer", "remove_installer", "remove_all", "remove_files"};

} // namespace

std::string_view to_string(Goal goal) { return word(goals, goal); }
std::string_view to_string(State state) { return word(states, state); }
std::string_view to_string(Action action) { return word(actions, action); }
std::string_view to_string(Timer timer) { return word(timer_words, timer); }
std::string_view to_string(Verb verb) { return word(verbs, verb); }

} // namespace agenthost::docker::server
