#include "websocket_clock.hpp"

#include "host/listener/linger.hpp"

namespace agenthost::host::listener {
using namespace std::chrono_literals;

namespace {

// For the peer's close frame, after ours.
constexpr auto close_timeout = 5s;
// A peer may stop reading for this long.
constexpr auto stall_timeout = 30s;
constexpr int max_unanswered_pings = 2;

} // namespace

void WebSocketClock::opened(Time now)
{
    deadline_ = {};
    opened_at_ = pinged_at_ = sent_at_ = now;
}

void WebSocketClock::closing(Time now) { deadline_ = now + stall_timeout; }
void WebSocketClock::close_frame_sent(Time now) { deadline_ = now + close_timeout; }
void WebSocketClock::linger(Time now) { deadline_ = now + linger_timeout; }

WebSocketClock::Due WebSocketClock::tick(Time now, const WebSocketLimits& limits, const Sight& sight)
{
    Due due = Due::nothing;
    if (sight.closing || !sight.open) {
        if (deadline_ == Time{}) deadline_ = now + close_timeout;
        if (now >= deadline_) return Due::lost;
    } else if (!sight.heard && limits.idle > 0ms && now - opened_at_ >= limits.idle) {
        due = Due::idle;
    } else if (limits.ping > 0ms && now - pinged_at_ >= limits.ping) {
        if (peer_gone(now, sight)) return Due::lost;
        due = Due::ping;
    }
    const bool lost = silent(now, limits, sight) || stalled(now, sight);
    return lost ? Due::lost : due;
}

// No input since the last pings.
bool WebSocketClock::peer_gone(Time now, const Sight& sight)
{
    const bool counts = sight.bytes_in == seen_in_ && !sight.paused && pinged_at_ != opened_at_;
    unanswered_pings_ = counts ? unanswered_pings_ + 1 : 0;
    seen_in_ = sight.bytes_in;
    pinged_at_ = now;
    return unanswered_pings_ >= max_unanswered_pings;
}

bool WebSocketClock::silent(Time now, const WebSocketLimits& limits, const Sight& sight)
{
    if (limits.silent == 0ms || !sight.open) return false;
    if (sight.bytes_in != sign_in_ || sight.paused || sign_at_ == Time{}) {
        sign_in_ = sight.bytes_in;
        sign_at_ = now;
    }
    return now - sign_at_ >= limits.silent;
}

bool WebSocketClock::stalled(Time now, const Sight& sight)
{
    if (sight.bytes_out != seen_out_ || !sight.unsent) {
        seen_out_ = sight.bytes_out;
        sent_at_ = now;
    }
    return now - sent_at_ >= stall_timeout;
}

} // namespace agenthost::host::listener
