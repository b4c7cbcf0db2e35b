#include "timed_websocket.hpp"

#include "host/listener/linger.hpp"

#include <boost/beast/websocket/error.hpp>

namespace agenthost::host::listener {
namespace websocket = boost::beast::websocket;
using net::error_code;

namespace {

// A control frame has at most 125 bytes; the code takes two.
constexpr std::size_t max_close_reason = 123;
constexpr int no_code = 1005, policy_error = 1008;

} // namespace

void TimedWebSocket::close(int code, std::string_view reason)
{
    if (closing_ || ended_) return;
    closing_ = true;
    close_code_ = code;
    close_reason_ = reason.substr(0, max_close_reason);
    clock_.closing(Clock::now());
    if (open_) write();
}

void TimedWebSocket::opened()
{
    open_ = true;
    clock_.opened(Clock::now());
}

void TimedWebSocket::close_frame_sent()
{
    close_sent_ = true;
    clock_.close_frame_sent(Clock::now());
}

int TimedWebSocket::closed_code(int theirs) const
{
    if (closing_ && close_sent_) return close_code_;
    return theirs == 0 ? no_code : theirs;
}

void TimedWebSocket::end_with(error_code ec)
{
    if (ec == websocket::error::message_too_big || ec == websocket::error::buffer_overflow)
        return end(1009, true);
    if (ec == websocket::error::bad_frame_payload) return end(1007, true);
    if (ec == websocket::condition::protocol_violation) return end(1002, true);
    end(lost);
}

void TimedWebSocket::tick(Clock::time_point now)
{
    if (ended_) {
        if (clock_.lingered(now)) finish();
        return;
    }
    const net::Stream& bytes = stream();
    const WebSocketClock::Sight sight{.open = open_,
                                      .closing = closing_,
                                      .heard = heard_,
                                      .paused = paused_,
                                      .unsent = bytes.unsent() != 0 || !queue_.empty(),
                                      .bytes_in = bytes.bytes_in(),
                                      .bytes_out = bytes.bytes_out()};
    switch (clock_.tick(now, limits_, sight)) {
    case WebSocketClock::Due::nothing: return;
    case WebSocketClock::Due::ping: return send_ping();
    case WebSocketClock::Due::idle: return close(policy_error, "no message in time");
    case WebSocketClock::Due::lost: return end(lost);
    }
}

void TimedWebSocket::end(int code, bool linger)
{
    if (ended_) return;
    ended_ = true;
    code_ = code;
    if (!linger) return finish();
    clock_.linger(Clock::now());
    discard();
}

void TimedWebSocket::discard()
{
    if (!events_) return;
    const Lingering now = drop_input(stream(), discarded_);
    if (now == Lingering::enough) return;
    if (now == Lingering::ended) return finish();
    // Even if there is more: completes from the loop, so that other connections are served first.
    stream().wait_readable([self = shared_from_this()](error_code ec) {
        if (ec)
            self->finish();
        else
            self->discard();
    });
}

void TimedWebSocket::finish()
{
    close_stream();
    if (!events_) return;
    const auto owner = std::move(owner_);
    std::exchange(events_, nullptr)->ws_ended(code_);
}

} // namespace agenthost::host::listener
