// Keeps the interval of a session's heartbeats, and notices when the peer has been silent for two of them.
//
// Main I/O thread. Owned by OutboundSession.
#pragma once

#include "host/session/repeating_timer.hpp"
#include "wire/session/liveness.hpp"

#include <algorithm>
#include <optional>

namespace agenthost::host {

class Heartbeat {
public:
    // What a server may ask for.
    static constexpr std::chrono::milliseconds min_interval{1'000}, max_interval{3'600'000};

    // `due`: once in each interval.
    Heartbeat(boost::asio::any_io_executor main, std::function<void()> due)
        : timer_{std::move(main), std::move(due)}
    {}

    // A new connection. `configured` counts unless a server has asked for another interval.
    void prepare(std::chrono::milliseconds configured)
    {
        interval_ = asked_.value_or(configured);
        spoken_ = true;
    }
    void start()
    {
        liveness_.begin(signs_of_life_);
        timer_.start(interval_);
    }
    void stop() { timer_.stop(); }

    // The server's settings ask for this interval, for its later connections as well.
    void follow(std::chrono::milliseconds asked)
    {
        const auto interval = std::clamp(asked, min_interval, max_interval);
        asked_ = interval;
        if (interval == interval_) return;
        interval_ = interval;
        timer_.start(interval_);
    }

    // Anything came from the peer, or it took what we sent.
    void sign_of_life() { ++signs_of_life_; }
    // Once in each interval. True: nothing came for two of them.
    [[nodiscard]] bool peer_is_silent()
    {
        return liveness_.tick(signs_of_life_) == wire::Liveness::Verdict::dead;
    }

    // The protocol has frames for heartbeats; otherwise only WebSocket pings are sent.
    [[nodiscard]] bool spoken() const { return spoken_; }
    void not_spoken() { spoken_ = false; }

private:
    RepeatingTimer timer_;
    std::chrono::milliseconds interval_{0};
    std::optional<std::chrono::milliseconds> asked_;
    bool spoken_ = true;
    wire::Liveness liveness_;
    // A counter, so that a frame costs an increment and not a timer.
    std::uint64_t signs_of_life_ = 0;
};

} // namespace agenthost::host
