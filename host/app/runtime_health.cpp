// What degrades the agent: gathered every second from plugins, sessions, the journal and the process into one table (Conditions),
// which everything that tells of health reads.
#include "runtime_impl.hpp"

#include "host/observe/log.hpp"
#include "host/session/world.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace agenthost::host {

namespace {

constexpr auto health_interval = 1s; // within which a trouble must be seen
constexpr auto loss_interval = 30s;  // lost log lines are said so often at most
constexpr auto disk_hangs_after =
    5s; // a commit takes milliseconds; a slow disk's longest pauses are about a second
constexpr rlim_t descriptors_to_spare = 32; // of the control socket's calls, and of whoever repairs it

// The lowest number that is free tells without counting how many descriptors are open.
std::string descriptor_problem(int any_open)
{
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const int lowest = ::fcntl(any_open, F_DUPFD_CLOEXEC, 0);
    const int error = errno;
    if (lowest >= 0) ::close(lowest);
    if (lowest >= 0 && static_cast<rlim_t>(lowest) + descriptors_to_spare < limit.rlim_cur) return {};
    if (lowest < 0 && error != EMFILE) return {};
    return "nearly all of the " + std::to_string(limit.rlim_cur) +
           " file descriptors this process may have are open: connections and commands fail with "
           "INSUFFICIENT_RESOURCES. Raise LimitNOFILE of the service (ulimit -n), or lower "
           "listeners[].connections.";
}

} // namespace

void Runtime::Impl::ask_health()
{
    plugins->check_health(); // the answers are there the next time
    gather_conditions();
    if (const auto now = std::chrono::steady_clock::now(); now >= say_losses_at) {
        log::say_losses();
        say_losses_at = now + loss_interval;
    }
    health.expires_after(health_interval);
    health.async_wait([this](const auto& error) {
        if (!error) ask_health();
    });
}

void Runtime::Impl::gather_conditions()
{
    std::vector<Condition> found;
    for (const auto& plugin : plugins->status()) {
        const bool failed = plugin.state == PluginState::failed;
        if (plugin.healthy && !failed) continue;
        found.push_back({.id = "plugin " + plugin.id,
                         .reason = plugin.problem,
                         .grade = plugin.degraded && !failed ? Grade::degraded : Grade::unhealthy,
                         .since = 0,
                         .silent = failed || !plugin.stuck.empty()}); // PluginSet wrote why
    }
    conditions.replace("plugin ", std::exchange(found, {}));
    for (const auto& [name, session] : sessions) {
        const auto status = session->status();
        const auto why = problem_text(status, utc_now_ms());
        if (status.state == "ready" && !status.contested) continue;
        found.push_back({.id = "server " + name,
                         .reason = status.state == "ready" ? status.notice
                                                           : status.state + (why.empty() ? "" : ", " + why),
                         .grade = Grade::degraded,
                         .since = 0,
                         .silent = true}); // say_status() writes it
    }
    conditions.replace("server ", std::move(found));

    conditions.report("descriptors", descriptor_problem(state_lock.fd()), Grade::degraded);
    const auto working = journal->stats().working;
    conditions.report("disk",
                      working < disk_hangs_after
                          ? std::string{}
                          : (config->state_dir / "journal.db").string() +
                                ": the disk has not answered for more than 5 s; commands "
                                "with effects wait for it. Look at the disk or the mount.",
                      Grade::unhealthy);
}

std::vector<Condition> Runtime::Impl::all_conditions()
{
    gather_conditions();
    return conditions.all();
}

} // namespace agenthost::host
