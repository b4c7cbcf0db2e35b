#include "health.hpp"

#include "listener_set.hpp"
#include "plugin_set.hpp"
#include "session_table.hpp"

#include "host/dispatch/journal/journal.hpp"
#include "host/observe/log.hpp"
#include "host/session/utc.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

namespace agenthost::host {

namespace {

using namespace std::chrono_literals;

// A problem is reported within this time.
constexpr auto health_interval = 1s;
// The number of lost log lines is logged at most this often.
constexpr auto loss_interval = 30s;
// A commit takes milliseconds; the longest pauses of a slow disk are about a second.
constexpr auto disk_hangs_after = 5s;
// Enough for calls on the control socket, which are needed to find the cause.
constexpr rlim_t descriptors_to_spare = 32;

// The lowest free descriptor number shows, without counting, how many are open.
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

Health::Health(boost::asio::any_io_executor main, Parts parts)
    : parts_{std::move(parts)}, timer_{std::move(main)}
{}

void Health::begin()
{
    parts_.plugins.check_health(); // the next call reports the results
    if (parts_.listeners) parts_.listeners->listeners().check_certificates();
    gather();
    if (const auto now = std::chrono::steady_clock::now(); now >= report_losses_at_) {
        log::say_losses();
        report_losses_at_ = now + loss_interval;
    }
    timer_.expires_after(health_interval);
    timer_.async_wait([this](const auto& error) {
        if (!error) begin();
    });
}

std::vector<Condition> Health::conditions()
{
    gather();
    return parts_.conditions.all();
}

void Health::gather()
{
    gather_plugins();
    gather_sessions();
    gather_listeners();
    parts_.conditions.report("descriptors", descriptor_problem(parts_.any_fd), Grade::degraded);
    const auto working = parts_.journal.stats().working;
    parts_.conditions.report("disk",
                             working < disk_hangs_after
                                 ? std::string{}
                                 : parts_.journal_file +
                                       ": the disk has not answered for more than 5 s; commands "
                                       "with effects wait for it. Look at the disk or the mount.",
                             Grade::unhealthy);
}

void Health::gather_plugins()
{
    std::vector<Condition> found;
    for (const auto& plugin : parts_.plugins.status()) {
        const bool failed = plugin.state == PluginState::failed;
        if (plugin.healthy && !failed) continue;
        found.push_back({.id = "plugin " + plugin.id,
                         .reason = plugin.problem,
                         .grade = plugin.degraded && !failed ? Grade::degraded : Grade::unhealthy,
                         .since = 0,
                         .silent = failed || !plugin.stuck.empty()}); // PluginSet has logged the reason
    }
    parts_.conditions.replace("plugin ", std::move(found));
}

void Health::gather_sessions()
{
    std::vector<Condition> found;
    for (const auto& status : parts_.sessions.status()) {
        const auto why = problem_text(status, utc_now_ms());
        if (status.state == "ready" && !status.in_conflict && !status.at_risk) continue;
        found.push_back({.id = "server " + status.name,
                         .reason = status.state == "ready" ? status.notice
                                                           : status.state + (why.empty() ? "" : ", " + why),
                         .grade = Grade::degraded,
                         .since = 0,
                         .silent = true}); // SessionTable logs it
    }
    parts_.conditions.replace("server ", std::move(found));
}

void Health::gather_listeners()
{
    if (!parts_.listeners) return;
    std::vector<Condition> found;
    for (const auto& status : parts_.listeners->listeners().status()) {
        if (status.tls_problem.empty()) continue;
        found.push_back(
            {.id = "listener " + status.name,
             .reason = "its certificate files cannot be used, the next start will fail; until then "
                       "the old certificate is served: " +
                       status.tls_problem,
             .grade = Grade::degraded,
             .since = 0,
             .silent = true}); // ListenerSet logs it
    }
    parts_.conditions.replace("listener ", std::move(found));
}

} // namespace agenthost::host
