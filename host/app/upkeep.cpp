#include "upkeep.hpp"

#include "memory.hpp"

#include "host/dispatch/dispatcher.hpp"
#include "host/dispatch/journal/journal.hpp"
#include "host/observe/notify.hpp"

#include <chrono>
#include <utility>

namespace agenthost::host {

using namespace std::chrono_literals;

namespace {

// The daemon is idle after this time without a command.
constexpr auto settle = 1s;
constexpr auto expiry_interval = 1h;

} // namespace

Upkeep::Upkeep(boost::asio::any_io_executor main, Dispatcher& dispatcher, Journal& journal)
    : dispatcher_{dispatcher}, journal_{journal}, watchdog_{main}, expiry_{main}, settled_{main}
{}

void Upkeep::begin()
{
    feed_watchdog();
    expire_journal();
    settle_later();
}

void Upkeep::feed_watchdog()
{
    const auto every = watchdog_interval();
    if (!every) return;
    // Sent from the I/O loop, so that systemd notices if it is blocked.
    notify("WATCHDOG=1");
    watchdog_.expires_after(*every);
    watchdog_.async_wait([this](const auto& error) {
        if (!error) feed_watchdog();
    });
}

void Upkeep::expire_journal()
{
    journal_.expire();
    expiry_.expires_after(expiry_interval);
    expiry_.async_wait([this](const auto& error) {
        if (!error) expire_journal();
    });
}

void Upkeep::settle_later()
{
    if (std::exchange(settling_, true)) return;
    submitted_seen_ = dispatcher_.stats().submitted;
    settled_.expires_after(settle);
    settled_.async_wait([this](const auto& error) {
        if (error) return;
        settling_ = false;
        const auto stats = dispatcher_.stats();
        if (stats.in_flight > 0) return; // settle_later() is called again when it ends
        if (stats.submitted != submitted_seen_) return settle_later();
        release_idle_memory();
    });
}

} // namespace agenthost::host
