#include "outcome.hpp"

#include <sys/wait.h>

#include <csignal>
#include <cstring>

namespace agenthost::terminal {

Reason Outcome::reason() const
{
    if (asked) return *asked;
    return WIFSIGNALED(status) ? Reason::signal : Reason::exit;
}

int Outcome::exit_code() const { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

std::optional<std::string> Outcome::signal() const
{
    if (!WIFSIGNALED(status)) return std::nullopt;
    const int number = WTERMSIG(status);
    const char* name = ::sigabbrev_np(number);
    return name ? std::string{"SIG"} + name : std::to_string(number);
}

} // namespace agenthost::terminal
