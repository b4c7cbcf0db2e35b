#include "websocket.hpp"

#include <agenthost/ext/listener.h>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <simdjson.h>

#include <algorithm>
#include <list>

namespace agenthost::host::listener {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using net::error_code;
using namespace std::chrono_literals;

namespace {

constexpr auto close_patience = 5s;             // for the peer's close frame, after ours
constexpr auto linger_patience = 2s;            // for the peer to read our last word before the reset
constexpr std::uint64_t linger_bytes = 1 << 20; // taken of what a refused peer still sends
constexpr auto stall_patience = 30s;            // a peer that takes nothing of what we send
constexpr int lost = 1006;
constexpr std::size_t idle_bytes = 64;

class BeastWebSocket final : public WebSocket, public std::enable_shared_from_this<BeastWebSocket> {
public:
    BeastWebSocket(net::Stream stream, WebSocketLimits limits, WebSocketEvents& events,
                   std::shared_ptr<void> owner)
        : ws_{std::move(stream)}, limits_{limits}, events_{&events}, owner_{std::move(owner)}
    {
        ws_.auto_fragment(false); // the default cuts messages into 4 KB frames
        ws_.read_message_max(limits_.message_bytes);
    }

    void accept(Request request, std::vector<std::pair<std::string, std::string>> headers) override
    {
        ws_.set_option(websocket::stream_base::decorator(
            [headers = std::move(headers)](websocket::response_type& response) {
                response.set(beast::http::field::server,
                             "agenthost"); // or Beast would write its own name and version
                for (const auto& [name, value] : headers) response.set(name, value);
            }));
        if (limits_.compress_from > 0) {
            websocket::permessage_deflate deflate;
            deflate.server_enable = true;
            // No context between messages, a small window: many peers are sent the same, and each would hold a quarter of a megabyte.
            deflate.server_no_context_takeover = deflate.client_no_context_takeover = true;
            deflate.server_max_window_bits = 12;
            deflate.memLevel = 5;
            deflate.compLevel = 3;
            deflate.msg_size_threshold = limits_.compress_from;
            ws_.set_option(deflate);
        }
        auto kept = std::make_unique<Request>(std::move(request));
        const Request& upgrade = *kept;
        ws_.async_accept(upgrade, [self = shared_from_this(), kept = std::move(kept)](error_code ec) {
            self->accepted(ec);
        });
    }

    void send(int opcode, std::string message) override
    {
        if (closing_ || ended_) return events_ ? events_->ws_sent(message.size()) : void();
        queue_.emplace_back(opcode, std::move(message));
        if (open_ && !writing_) write();
    }

    void set_limits(const WebSocketLimits& limits) override
    {
        limits_ = limits;
        ws_.read_message_max(limits_.message_bytes);
    }

    WebSocketLimits limits() const override { return limits_; }

    void pause(bool on) override
    {
        paused_ = on;
        if (!paused_ && open_ && !reading_ && !ended_) read();
    }

    void close(int code, std::string_view reason) override
    {
        if (closing_ || ended_) return;
        closing_ = true;
        reason_.code = static_cast<std::uint16_t>(code);
        const std::string_view cut = reason.substr(0, 123); // a control frame's bound
        reason_.reason.assign(cut.data(), cut.size());
        deadline_ = Clock::now() + stall_patience; // for what is queued
        if (open_ && !writing_) write();
    }

    void abort(int code) override { end(code); }

    void tick(Clock::time_point now) override
    {
        if (ended_) {
            if (now >= deadline_) finish();
            return;
        }
        if (closing_ || !open_) {
            if (deadline_ == Clock::time_point{}) deadline_ = now + close_patience;
            if (now >= deadline_) end(lost); // nobody answered our close frame
        } else if (!heard_ && limits_.idle > 0ms && now - opened_at_ >= limits_.idle) {
            close(websocket::close_code::policy_error, "no message in time");
        } else if (limits_.ping > 0ms && now - pinged_at_ >= limits_.ping) {
            ping(now);
        }
        watch_silence(now);
        watch_writes(now);
    }

    bool open() const override { return open_ && !ended_; }

private:
    void accepted(error_code ec)
    {
        if (ec || ended_) return end(lost);
        open_ = true;
        deadline_ = {};
        ws_.set_option(
            websocket::stream_base::decorator([](websocket::response_type&) {})); // frees the headers
        opened_at_ = pinged_at_ = sent_at_ = Clock::now();
        if (!queue_.empty() || closing_) write();
        if (!paused_) read();
    }

    // Who waits for a message holds a few bytes for it; room for the rest is made when it comes. Once our close frame is on its way,
    // the closing handshake reads on by itself: a read begun in the middle of what it discards finds Beast in no state for one.
    void read()
    {
        if (close_sent_) return;
        reading_ = true;
        const bool comes = ws_.next_layer().buffered() != 0 || buffer_.size() != 0;
        ws_.async_read_some(buffer_, comes ? net::block_size : idle_bytes,
                            [self = shared_from_this()](error_code ec, std::size_t) { self->got(ec); });
    }

    void got(error_code ec)
    {
        reading_ = false;
        if (ended_) return;
        if (ec) return lost_reader(ec);
        if (!ws_.is_message_done()) return paused_ ? void() : read();
        heard_ = true;
        const auto data = buffer_.cdata();
        if (!closing_) {
            events_->ws_message(ws_.got_text() ? AGH_WS_TEXT : AGH_WS_BINARY,
                                {static_cast<const char*>(data.data()), data.size()});
        }
        buffer_.clear();
        if (ws_.next_layer().buffered() == 0 || buffer_.capacity() > net::block_size)
            buffer_.shrink_to_fit(); // idle is small
        if (!ended_ && !paused_) read();
    }

    void lost_reader(error_code ec)
    {
        if (ec == websocket::error::closed) {
            const auto code = ws_.reason().code;
            return end(closing_ && close_sent_               ? reason_.code
                       : code == websocket::close_code::none ? 1005
                                                             : int{code});
        }
        if (ec == websocket::error::message_too_big || ec == websocket::error::buffer_overflow)
            return end(1009, true);
        if (ec == websocket::error::bad_frame_payload) return end(1007, true);
        if (ec == websocket::condition::protocol_violation) return end(1002, true);
        end(lost);
    }

    void write()
    {
        if (queue_.empty()) {
            if (closing_ && !close_sent_) send_close();
            return;
        }
        writing_ = true;
        ws_.binary(queue_.front().first == AGH_WS_BINARY);
        ws_.async_write(asio::buffer(queue_.front().second),
                        [self = shared_from_this()](error_code ec, std::size_t) { self->wrote(ec); });
    }

    void wrote(error_code ec)
    {
        writing_ = false;
        if (ended_) return;
        if (ec) return reading_ ? void() : end(lost); // the reader hears why
        const std::size_t n = queue_.front().second.size();
        queue_.pop_front();
        events_->ws_sent(n);
        if (!ended_ && !writing_) write();
    }

    void send_close()
    {
        close_sent_ = true;
        deadline_ = Clock::now() + close_patience;
        ws_.async_close(reason_, [self = shared_from_this()](error_code ec) {
            if (self->ended_ || (ec && self->reading_)) return; // the reader hears why
            self->end(ec ? lost : int{self->reason_.code});
        });
    }

    void ping(Clock::time_point now)
    {
        const std::uint64_t in = ws_.next_layer().bytes_in();
        unheard_ = in != seen_in_ || paused_ || pinged_at_ == opened_at_
                       ? 0
                       : unheard_ + 1; // paused: nobody listens for life
        seen_in_ = in;
        pinged_at_ = now;
        if (unheard_ >= 2) return end(lost);
        if (pinging_) return;
        pinging_ = true;
        ws_.async_ping({}, [self = shared_from_this()](error_code) { self->pinging_ = false; });
    }

    void watch_silence(Clock::time_point now)
    {
        if (ended_ || limits_.silent == 0ms || !open_) return;
        const std::uint64_t in = ws_.next_layer().bytes_in();
        if (in != silent_at_ || paused_ || sign_at_ == Clock::time_point{}) {
            silent_at_ = in;
            sign_at_ = now;
        } else if (now - sign_at_ >= limits_.silent) {
            end(lost);
        }
    }

    void watch_writes(Clock::time_point now)
    {
        if (ended_) return;
        const std::uint64_t out = ws_.next_layer().bytes_out();
        if (out != seen_out_ || (ws_.next_layer().unsent() == 0 && queue_.empty())) {
            seen_out_ = out;
            sent_at_ = now;
        } else if (now - sent_at_ >= stall_patience) {
            end(lost);
        }
    }

    void end(int code, bool linger = false)
    {
        if (ended_) return;
        ended_ = true;
        code_ = code;
        if (!linger) return finish();
        deadline_ = Clock::now() + linger_patience;
        discard();
    }

    // The peer may still be sending: closing now would reset the connection and our close frame would be lost with it.
    void discard()
    {
        if (!events_) return;
        char waste[4096];
        error_code ec;
        for (int i = 0; i < 16 && !ec && discarded_ < linger_bytes; ++i)
            discarded_ += ws_.next_layer().read_now(waste, sizeof waste, ec);
        if (ec && ec != asio::error::would_block) return finish();
        // What it sends beyond holds it up until it reads us, or until the clock ends this.
        if (discarded_ >= linger_bytes) return;
        ws_.next_layer().wait_readable([self = shared_from_this()](error_code failed) {
            if (failed)
                self->finish();
            else
                self->discard();
        });
    }

    void finish()
    {
        ws_.next_layer().close();
        if (!events_) return;
        const auto owner = std::move(owner_);
        std::exchange(events_, nullptr)->ws_ended(code_);
    }

    websocket::stream<net::Stream, true> ws_;
    WebSocketLimits limits_;
    WebSocketEvents* events_;
    std::shared_ptr<void> owner_;
    beast::flat_buffer buffer_;
    std::list<std::pair<int, std::string>> queue_; // a list: empty costs nothing
    websocket::close_reason reason_;
    Clock::time_point opened_at_, pinged_at_, deadline_;
    Clock::time_point sent_at_ =
        Clock::now();           // the answer to the upgrade may wait in the cork when the clock ticks
    Clock::time_point sign_at_; // of life, as far as the ticks saw
    std::uint64_t discarded_ = 0, seen_in_ = 0, seen_out_ = 0, silent_at_ = 0;
    int unheard_ = 0, code_ = lost;
    bool open_ = false, heard_ = false, reading_ = false, writing_ = false, pinging_ = false, paused_ = false,
         closing_ = false, close_sent_ = false, ended_ = false;
};

} // namespace

bool merge_limits(WebSocketLimits& limits, std::string_view json)
{
    if (json.empty()) return true;
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    if (parser.parse(json.data(), json.size()).get(object)) return false;
    for (const auto [key, value] : object) {
        double number = 0;
        if (value.get(number) || number < 0 || number > 1e12) return false;
        const auto whole = static_cast<std::uint64_t>(number);
        const std::chrono::milliseconds time{static_cast<std::int64_t>(std::min(number, 1e9) * 1000)};
        if (key == "message_bytes")
            limits.message_bytes = std::max<std::uint64_t>(whole, 1); // 0 would mean: no bound, to Beast
        else if (key == "send_queue")
            limits.send_queue = whole;
        else if (key == "idle_s")
            limits.idle = time;
        else if (key == "ping_s")
            limits.ping = time;
        else if (key == "silent_s")
            limits.silent = time;
        else if (key == "compress_from")
            limits.compress_from = whole;
    }
    return true;
}

std::shared_ptr<WebSocket> make_websocket(net::Stream stream, WebSocketLimits limits, WebSocketEvents& events,
                                          std::shared_ptr<void> owner)
{
    return std::make_shared<BeastWebSocket>(std::move(stream), limits, events, std::move(owner));
}

Handshake websocket_handshake(const WebSocket::Request& request)
{
    using beast::http::field;
    if (!beast::http::token_list{request[field::upgrade]}.exists("websocket")) return Handshake::no;
    if (!websocket::is_upgrade(request)) return Handshake::bad;
    return request[field::sec_websocket_key].size() == 24 && request[field::sec_websocket_version] == "13"
               ? Handshake::good
               : Handshake::bad;
}

} // namespace agenthost::host::listener
