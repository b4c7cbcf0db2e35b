// Keeps the clock and everything that becomes due: each request's deadline (later the end of its cancel
// grace) and its next pause in streaming. One timer serves both, and the parts that are woken by wake_at().
//
// Main thread. Owned by Core.
#pragma once

#include "alive.hpp"
#include "deadlines.hpp"
#include "request.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>

namespace agenthost::host {

class Schedule {
public:
    using Time = Clock::time_point;

    // `clock`: empty for Clock::now. `due` runs when the time given to wake_at() or a set_*() has come.
    Schedule(boost::asio::any_io_executor main, std::function<Time()> clock, std::function<void()> due);

    [[nodiscard]] Time now() const { return clock_ ? clock_() : Clock::now(); }

    // By the request's index.
    void set_deadline(std::uint32_t request, Time);
    void clear_deadline(std::uint32_t request) { deadlines_.erase(request); }
    void set_pause(std::uint32_t request, Time);
    void clear_pause(std::uint32_t request) { pauses_.erase(request); }

    [[nodiscard]] bool deadline_due(Time now) const { return deadlines_.next() <= now; }
    [[nodiscard]] std::uint32_t first_deadline() const { return deadlines_.first(); }
    [[nodiscard]] bool pause_due(Time now) const { return pauses_.next() <= now; }
    [[nodiscard]] std::uint32_t first_pause() const { return pauses_.first(); }
    [[nodiscard]] Time next() const { return std::min(deadlines_.next(), pauses_.next()); }

    // Cheap when an earlier wake-up is already armed.
    void wake_at(Time when)
    {
        if (when < armed_) arm(when);
    }

private:
    void arm(Time);

    std::function<Time()> clock_;
    std::function<void()> due_;
    Deadlines deadlines_, pauses_;
    boost::asio::steady_timer timer_;
    Time armed_ = Time::max();
    Alive alive_;
};

} // namespace agenthost::host
