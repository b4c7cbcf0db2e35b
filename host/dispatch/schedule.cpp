#include "schedule.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::host {

Schedule::Schedule(boost::asio::any_io_executor main, std::function<Time()> clock, std::function<void()> due)
    : clock_{std::move(clock)}, due_{std::move(due)}, timer_{std::move(main)}
{}

void Schedule::set_deadline(std::uint32_t request, Time when)
{
    deadlines_.set(request, when);
    wake_at(when);
}

void Schedule::set_pause(std::uint32_t request, Time when)
{
    pauses_.set(request, when);
    wake_at(when);
}

void Schedule::arm(Time when)
{
    armed_ = when;
    timer_.expires_after(std::max(Clock::duration::zero(), when - now()));
    timer_.async_wait(alive_.guard([this](const boost::system::error_code& error) {
        // Cancelled: an earlier wake-up has replaced it.
        if (error) return;
        armed_ = Time::max();
        due_();
    }));
}

} // namespace agenthost::host
