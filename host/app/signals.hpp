// Watches the signals that stop or reload the daemon. Runs on the control loop, so that a signal works even
// if a plugin blocks the main loop.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <functional>

namespace agenthost::host {

class Signals {
public:
    // Runs first: by default SIGHUP would end the process while it still opens its journal, and SIGPIPE while
    // it logs. SIGTERM may end it.
    static void expect();

    struct Hooks {
        // SIGTERM or SIGINT; on the control thread, at once.
        std::function<void()> on_stop;
        // Every signal; on the main loop.
        std::function<void(int)> on_signal;
    };
    // A SIGHUP since expect() counts as one that arrives now.
    Signals(boost::asio::io_context& control, boost::asio::any_io_executor main, Hooks);

private:
    void wait();

    boost::asio::signal_set signals_;
    boost::asio::any_io_executor main_;
    Hooks hooks_;
};

} // namespace agenthost::host
