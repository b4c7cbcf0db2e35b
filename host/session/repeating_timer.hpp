// Calls a function at an interval until it is stopped. The function may stop or restart the timer. Main I/O
// thread.
#pragma once

#include "host/dispatch/alive.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

namespace agenthost::host {

class RepeatingTimer {
public:
    RepeatingTimer(boost::asio::any_io_executor main, std::function<void()> due)
        : timer_{std::move(main)}, due_{std::move(due)}
    {}

    // Restarts the first interval. 0: stops.
    void start(std::chrono::milliseconds interval)
    {
        stop();
        if (interval > std::chrono::milliseconds{0}) arm(interval);
    }
    void stop()
    {
        ++run_;
        timer_.cancel();
    }

private:
    void arm(std::chrono::milliseconds interval)
    {
        timer_.expires_after(interval);
        timer_.async_wait(alive_.guard([this, interval, run = run_](const boost::system::error_code& error) {
            // It had expired already when it was stopped.
            if (error || run != run_) return;
            arm(interval);
            due_();
        }));
    }

    boost::asio::steady_timer timer_;
    std::function<void()> due_;
    // Changes with every start() and stop().
    std::uint64_t run_ = 0;
    Alive alive_;
};

} // namespace agenthost::host
