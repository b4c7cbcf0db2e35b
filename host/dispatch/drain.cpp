#include "drain.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace agenthost::host {

void Drain::start(std::chrono::milliseconds grace, std::function<void()> idle)
{
    started_ = true;
    idle_ = std::move(idle);
    until_ = core_.now() + grace;
    check_idle();
    core_.schedule.wake_at(until_);
}

void Drain::check_idle()
{
    if (core_.slots.in_use() > 0 || !idle_) return;
    // Not from inside the code that ended the last request.
    boost::asio::post(core_.main, core_.alive.guard([this] {
        if (core_.slots.in_use() == 0 && idle_) std::exchange(idle_, nullptr)();
    }));
}

void Drain::tick(Clock::time_point now)
{
    if (until_ > now) return;
    until_ = Clock::time_point::max();
    if (idle_) std::exchange(idle_, nullptr)();
}

} // namespace agenthost::host
