// Does periodic work of the running daemon: feeds systemd's watchdog, deletes old journal rows, releases idle
// memory. Main I/O thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>

namespace agenthost::host {

class Dispatcher;
class Journal;

class Upkeep {
public:
    Upkeep(boost::asio::any_io_executor main, Dispatcher&, Journal&);

    // The daemon is ready.
    void begin();
    // A command has ended. A second after the last one, idle memory is released; one timer per pause, not per
    // command.
    void settle_later();

private:
    void feed_watchdog();
    void expire_journal();

    Dispatcher& dispatcher_;
    Journal& journal_;
    boost::asio::steady_timer watchdog_, expiry_, settled_;
    std::uint64_t submitted_seen_ = 0;
    bool settling_ = false;
};

} // namespace agenthost::host
