// What the daemon does while it runs: signals, watchdog, health, numbers.
#include "runtime_impl.hpp"

#include "memory.hpp"
#include "status.hpp"

#include "host/observe/log.hpp"
#include "host/observe/notify.hpp"
#include "host/session/world.hpp"

#include <boost/asio/post.hpp>

#include <csignal>
#include <unistd.h>

namespace agenthost::host {

namespace {

constexpr auto settle = 1s; // without a command: idle
constexpr int exit_failed = 1;
volatile std::sig_atomic_t early_hangup = 0;

} // namespace

// Runs first: by default SIGHUP would end the process while it still opens its journal, and SIGPIPE while it logs. SIGTERM may end it.
void Runtime::Impl::expect_signals()
{
    std::signal(SIGPIPE, SIG_IGN); // a peer that closes is an error code, not a signal
    std::signal(SIGXFSZ, SIG_IGN); // so is a file that grows beyond LimitFSIZE
    std::signal(SIGHUP, [](int) { early_hangup = 1; });
    sigset_t ours; // the parent process may have blocked them
    ::sigemptyset(&ours);
    for (const int sig : {SIGTERM, SIGINT, SIGHUP, SIGALRM}) ::sigaddset(&ours, sig);
    ::pthread_sigmask(SIG_UNBLOCK, &ours, nullptr);
}

void Runtime::Impl::watch_signals()
{
    stop_bound = stop_bound_of(*config);
    for (int sig : {SIGTERM, SIGINT, SIGHUP}) signals.add(sig);
    wait_signal();
    if (early_hangup == 0) return;
    early_hangup = 0;
    asio::post(main, [this] { on_signal(SIGHUP); });
}

// On the control's thread.
void Runtime::Impl::wait_signal()
{
    signals.async_wait([this](const boost::system::error_code& error, int sig) {
        if (error) return;
        if (sig != SIGHUP) last_resort.arm(stop_bound, exit_failed);
        asio::post(main, [this, sig] { on_signal(sig); });
        wait_signal();
    });
}

void Runtime::Impl::on_signal(int sig)
{
    if (sig == SIGHUP) return reload([](const Reloaded&) {}); // its words are in the log
    if (!stopping) return stop(sig == SIGTERM ? "SIGTERM" : "SIGINT");
    log::warn("agenthost", "a second signal: ending at once");
    exit_code = exit_failed;
    main.stop();
}

void Runtime::Impl::finished(const Finished& f)
{
    settle_later();
    metrics.command(f.known ? f.action : std::string_view{}, f.outcome, f.took);
    audit->set_sample(config->audit_sample); // a reload may have changed it
    audit->record({.caller = f.caller,
                   .protocol = f.protocol,
                   .action = f.action,
                   .id = f.id,
                   .code = f.code,
                   .outcome = f.outcome,
                   .took = f.took,
                   .effects = f.effects});
}

void Runtime::Impl::feed_watchdog()
{
    const auto every = watchdog_interval();
    if (!every) return;
    notify("WATCHDOG=1"); // from the I/O loop: when it stands still, systemd hears nothing
    watchdog.expires_after(*every);
    watchdog.async_wait([this](const auto& error) {
        if (!error) feed_watchdog();
    });
}

// `settle` after the last command: what work (or start-up) touched goes back. One timer a pause, not one a command.
void Runtime::Impl::settle_later()
{
    if (std::exchange(settling, true)) return;
    submitted_seen = dispatcher->stats().submitted;
    settled.expires_after(settle);
    settled.async_wait([this](const auto& error) {
        if (error) return;
        settling = false;
        const auto stats = dispatcher->stats();
        if (stats.in_flight > 0) return; // its end comes here again
        if (stats.submitted != submitted_seen) return settle_later();
        release_idle_memory();
    });
}

void Runtime::Impl::expire_journal()
{
    journal->expire();
    expiry.expires_after(1h);
    expiry.async_wait([this](const auto& error) {
        if (!error) expire_journal();
    });
}

void Runtime::Impl::say_status()
{
    std::size_t up = 0;
    std::erase_if(session_said, [this](const auto& said) { return !sessions.contains(said.first); });
    for (const auto& [name, session] : sessions) {
        const auto status = session->status();
        const bool connected = status.state == "ready";
        up += connected;
        // A line when something is new, not one for every attempt of a long outage.
        // "..., but this machine's clock is 400 s ahead": it works, and a person should know.
        const std::string but = status.notice.empty() ? "" : ", but " + status.notice;
        const std::string now = connected ? "connected to " + status.url + but : status.problem;
        if (now.empty() || std::exchange(session_said[name], now) == now) continue;
        log::write(connected && but.empty() ? log::Level::info : log::Level::warn, "session " + name, now);
    }
    notify("STATUS=" + std::to_string(up) + " of " + std::to_string(sessions.size()) + " servers connected");
}

bool Runtime::Impl::reconnect(const std::string& name)
{
    const auto at = sessions.find(name);
    if (at == sessions.end()) return false;
    at->second->reconnect();
    return true;
}

StatusParts Runtime::Impl::status_parts()
{
    StatusParts parts;
    parts.conditions = all_conditions();
    parts.agent_id = config->agent_id;
    parts.version = AGENTHOST_VERSION;
    parts.pid = static_cast<int>(::getpid());
    parts.uptime_s =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started).count();
    parts.ready = ready;
    parts.draining = stopping;
    for (const auto& [name, session] : sessions) parts.servers.push_back(session->status());
    parts.listeners = listeners->status();
    for (auto& one : control_listeners->status()) parts.listeners.push_back(std::move(one));
    parts.plugins = plugins->status();
    parts.dispatch = dispatcher->stats();
    parts.journal = journal->stats();
    return parts;
}

std::string Runtime::Impl::status()
{
    auto parts = status_parts();
    parts.process = process_cost();
    parts.audit = audit->stats();
    parts.facts = facts.json();
    return status_json(parts);
}

} // namespace agenthost::host
