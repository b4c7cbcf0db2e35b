#include "clock_skew.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

namespace agenthost::host {
namespace {

// All in milliseconds. A Date has whole seconds, and its response takes time to arrive.
constexpr std::int64_t precision = 2'000;
constexpr std::int64_t reported_from = 10'000;
constexpr std::int64_t first_back = 1'000;
// Servers refuse timestamps older than 5 minutes.
constexpr std::int64_t max_back = 240'000;

} // namespace

void ServerClock::measure(std::int64_t date_ms, std::int64_t utc_ms, std::int64_t running_ms)
{
    measured_ = true;
    date_ = date_ms;
    at_ = running_ms;
    ahead_ = utc_ms - date_ms;
    if (ahead_ >= -precision && ahead_ <= precision) ahead_ = 0;
}

void ServerClock::refused()
{
    if (back_ == 0)
        back_ = first_back;
    else
        back_ = back_ == max_back ? 0 : std::min(2 * back_, max_back);
}

std::string ServerClock::problem() const
{
    if (measured_ && std::abs(ahead_) >= reported_from)
        return "this machine's clock is " + std::to_string(std::abs(ahead_) / 1000) + " s " +
               (ahead_ > 0 ? "ahead of" : "behind") +
               " the server's. Set it (timedatectl set-ntp true), or tell the server's operator if theirs is "
               "wrong";
    if (back_ >= reported_from)
        return "messages are signed " + std::to_string(back_ / 1000) +
               " s in the past, because the server refused later timestamps. Compare the clocks of both "
               "machines (timedatectl)";
    return {};
}

std::string ServerClock::refusal() const
{
    std::string known = "the server sends no HTTP Date, so the difference between the clocks is unknown";
    if (measured_ && std::abs(ahead_) >= reported_from)
        known = problem();
    else if (measured_)
        known =
            "by its HTTP Date, its clock and ours differ by less than 10 s, so another machine with another "
            "clock seems to check the timestamps";
    const std::string next =
        back_ > 0 ? "The next attempt signs " + std::to_string(back_ / 1000) + " s in the past"
                  : "Timestamps up to " + std::to_string(max_back / 1000) + " s in the past were refused too";
    return known + ". " + next + ". If this goes on, compare the clocks of both machines (timedatectl)";
}

std::int64_t running_ms()
{
    std::timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

} // namespace agenthost::host
