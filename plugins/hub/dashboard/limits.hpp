// The rates that one dashboard may use: messages, commands, heartbeats. Pure; the caller passes the time. Not
// thread-safe.
#pragma once

#include "plugins/hub/core/allowance.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace agenthost::hub {

class DashboardLimits {
public:
    using Time = Allowance::Time;
    static constexpr double messages_per_second = 100;
    static constexpr std::size_t commands_per_minute = 10;
    static constexpr auto heartbeat_spacing = std::chrono::seconds{25}; // every 30 s, with tolerance
    static constexpr auto complaint_spacing = std::chrono::seconds{1};

    enum class Verdict : std::uint8_t {
        read,
        complain, // drop the message unread, and send an error
        drop      // the same, without an error: one was sent less than `complaint_spacing` ago
    };
    Verdict message(Time now)
    {
        if (messages_.take(now)) return Verdict::read;
        if (complained_ != Time{} && now - complained_ < complaint_spacing) return Verdict::drop;
        complained_ = now;
        return Verdict::complain;
    }
    // false: it comes too early.
    bool heartbeat(Time now)
    {
        if (beat_ != Time{} && now - beat_ < heartbeat_spacing) return false;
        beat_ = now;
        return true;
    }
    // false: too many in the last minute.
    bool command(Time now)
    {
        while (!commands_.empty() && now - commands_.front() >= std::chrono::minutes{1})
            commands_.pop_front();
        if (commands_.size() >= commands_per_minute) return false;
        commands_.push_back(now);
        return true;
    }

private:
    Allowance messages_{messages_per_second};
    Time complained_{}, beat_{};
    std::deque<Time> commands_; // of the last minute
};

} // namespace agenthost::hub
