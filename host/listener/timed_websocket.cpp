#include "timed_websocket.hpp"

#include <boost/asio/error.hpp>
#include <boost/beast/websocket/error.hpp>

namespace agenthost::host::listener {
namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using net::error_code;
using namespace std::chrono_literals;

namespace {

constexpr auto close_patience = 5s;             // for the peer's close frame, after ours
constexpr auto linger_patience = 2s;            // for the peer to read our last word before the reset
constexpr std::uint64_t linger_bytes = 1 << 20; // taken of what a refused peer still sends
constexpr auto stall_patience = 30s;            // a peer that takes nothing of what we send
constexpr std::size_t max_close_reason = 123;   // the bound of a control frame, less the code
constexpr int no_code = 1005, policy_error = 1008;

} // namespace

void TimedWebSocket::close(int code, std::string_view reason)
{
    if (closing_ || ended_) return;
    closing_ = true;
    close_code_ = code;
    close_reason_ = reason.substr(0, max_close_reason);
    deadline_ = Clock::now() + stall_patience; // for what is queued
    if (open_) write();
}

void TimedWebSocket::opened()
{
    open_ = true;
    deadline_ = {};
    opened_at_ = pinged_at_ = sent_at_ = Clock::now();
}

void TimedWebSocket::close_frame_sent()
{
    close_sent_ = true;
    deadline_ = Clock::now() + close_patience;
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
        if (now >= deadline_) finish();
        return;
    }
    if (closing_ || !open_) {
        if (deadline_ == Clock::time_point{}) deadline_ = now + close_patience;
        if (now >= deadline_) end(lost); // nobody answered our close frame
    } else if (!heard_ && limits_.idle > 0ms && now - opened_at_ >= limits_.idle) {
        close(policy_error, "no message in time");
    } else if (limits_.ping > 0ms && now - pinged_at_ >= limits_.ping) {
        ping(now);
    }
    watch_silence(now);
    watch_writes(now);
}

void TimedWebSocket::ping(Clock::time_point now)
{
    const std::uint64_t in = stream().bytes_in();
    // While paused nobody listens for a sign of life.
    const bool counts = in == seen_in_ && !paused_ && pinged_at_ != opened_at_;
    unheard_ = counts ? unheard_ + 1 : 0;
    seen_in_ = in;
    pinged_at_ = now;
    if (unheard_ >= 2) return end(lost);
    send_ping();
}

void TimedWebSocket::watch_silence(Clock::time_point now)
{
    if (ended_ || limits_.silent == 0ms || !open_) return;
    const std::uint64_t in = stream().bytes_in();
    if (in != silent_at_ || paused_ || sign_at_ == Clock::time_point{}) {
        silent_at_ = in;
        sign_at_ = now;
    } else if (now - sign_at_ >= limits_.silent) {
        end(lost);
    }
}

void TimedWebSocket::watch_writes(Clock::time_point now)
{
    if (ended_) return;
    const std::uint64_t out = stream().bytes_out();
    if (out != seen_out_ || (stream().unsent() == 0 && queue_.empty())) {
        seen_out_ = out;
        sent_at_ = now;
    } else if (now - sent_at_ >= stall_patience) {
        end(lost);
    }
}

void TimedWebSocket::end(int code, bool linger)
{
    if (ended_) return;
    ended_ = true;
    code_ = code;
    if (!linger) return finish();
    deadline_ = Clock::now() + linger_patience;
    discard();
}

// The peer may still be sending: closing now would reset the connection and our close frame would be lost with it.
void TimedWebSocket::discard()
{
    if (!events_) return;
    char waste[4096];
    error_code ec;
    for (int i = 0; i < 16 && !ec && discarded_ < linger_bytes; ++i)
        discarded_ += stream().read_now(waste, sizeof waste, ec);
    if (ec && ec != asio::error::would_block) return finish();
    // What it sends beyond holds it up until it reads us, or until the clock ends this.
    if (discarded_ >= linger_bytes) return;
    stream().wait_readable([self = shared_from_this()](error_code failed) {
        if (failed)
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
