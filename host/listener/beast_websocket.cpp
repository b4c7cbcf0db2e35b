// WebSockets of the listener whose frames Beast reads and writes because they may be compressed; and the
// answer to an upgrade.
#include "host/listener/timed_websocket.hpp"

#include <agenthost/ext/listener.h>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

namespace agenthost::host::listener {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using net::error_code;

namespace {

using Stream = websocket::stream<net::Stream, true>;
using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t idle_bytes = 64;

void answer_with(Stream& ws, Headers headers)
{
    ws.set_option(
        websocket::stream_base::decorator([headers = std::move(headers)](websocket::response_type& response) {
            // Otherwise Beast sends its own name and version.
            response.set(beast::http::field::server, "agenthost");
            for (const auto& [name, value] : headers) response.set(name, value);
        }));
}

// No context between messages, and a small window: otherwise each connection would hold 256 KiB.
websocket::permessage_deflate compression(std::size_t from)
{
    websocket::permessage_deflate deflate;
    deflate.server_enable = true;
    deflate.server_no_context_takeover = deflate.client_no_context_takeover = true;
    deflate.server_max_window_bits = 12;
    deflate.memLevel = 5;
    deflate.compLevel = 3;
    deflate.msg_size_threshold = from;
    return deflate;
}

class BeastUpgrade final : public Upgrade, public std::enable_shared_from_this<BeastUpgrade> {
public:
    explicit BeastUpgrade(net::Stream stream) : ws_{std::move(stream)} {}
    net::Stream& stream() override { return ws_.next_layer(); }
    void accept(WebSocket::Request request, Headers headers, std::function<void(error_code)> done) override
    {
        answer_with(ws_, std::move(headers));
        request_ = std::move(request);
        ws_.async_accept(request_,
                         [self = shared_from_this(), done = std::move(done)](error_code ec) { done(ec); });
    }

private:
    websocket::stream<net::Stream, true> ws_;
    WebSocket::Request request_;
};

class BeastWebSocket final : public TimedWebSocket {
public:
    BeastWebSocket(net::Stream stream, WebSocketLimits limits, WebSocketEvents& events,
                   std::shared_ptr<void> owner)
        : TimedWebSocket{limits, events, std::move(owner)}, ws_{std::move(stream)}
    {
        ws_.auto_fragment(false); // the default cuts messages into 4 KB frames
        ws_.read_message_max(limits_.message_bytes);
    }

    void accept(Request request, Headers headers) override
    {
        answer_with(ws_, std::move(headers));
        ws_.set_option(compression(limits_.compress_from));
        auto kept = std::make_unique<Request>(std::move(request));
        const Request& upgrade = *kept;
        ws_.async_accept(upgrade,
                         [self = shared(), kept = std::move(kept)](error_code ec) { self->accepted(ec); });
    }

    void send(int opcode, std::string message) override
    {
        if (closing_ || ended_) return events_ ? events_->ws_sent(message.size()) : void();
        queue_.push_back({opcode, std::move(message)});
        if (open_) write();
    }

    void set_limits(const WebSocketLimits& limits) override
    {
        limits_ = limits;
        ws_.read_message_max(limits_.message_bytes);
    }

    void pause(bool on) override
    {
        paused_ = on;
        if (!paused_ && open_ && !reading_ && !ended_) read();
    }

private:
    std::shared_ptr<BeastWebSocket> shared()
    {
        return std::static_pointer_cast<BeastWebSocket>(shared_from_this());
    }

    net::Stream& stream() override { return ws_.next_layer(); }
    void close_stream() override { ws_.next_layer().close(); }

    void accepted(error_code ec)
    {
        if (ec || ended_) return end(lost);
        opened();
        answer_with(ws_, {}); // frees the headers
        if (!queue_.empty() || closing_) write();
        if (!paused_) read();
    }

    // An idle connection holds only a few bytes for the next message; the buffer grows when it arrives. Once
    // our close frame is sent, Beast's closing handshake reads by itself, and another read would be invalid.
    void read()
    {
        if (close_sent_) return;
        reading_ = true;
        const bool begun = ws_.next_layer().buffered() != 0 || buffer_.size() != 0;
        ws_.async_read_some(buffer_, begun ? net::block_size : idle_bytes,
                            [self = shared()](error_code ec, std::size_t) { self->got(ec); });
    }

    void got(error_code ec)
    {
        reading_ = false;
        if (ended_) return;
        if (ec == websocket::error::closed) return end(closed_code(ws_.reason().code));
        if (ec) return end_with(ec);
        if (!ws_.is_message_done()) return paused_ ? void() : read();
        heard_ = true;
        const auto data = buffer_.cdata();
        if (!closing_) {
            events_->ws_message(ws_.got_text() ? AGH_WS_TEXT : AGH_WS_BINARY,
                                {static_cast<const char*>(data.data()), data.size()});
        }
        buffer_.clear();
        if (ws_.next_layer().buffered() == 0 || buffer_.capacity() > net::block_size)
            buffer_.shrink_to_fit(); // an idle connection is small
        if (!ended_ && !paused_) read();
    }

    void write() override
    {
        if (writing_) return;
        if (queue_.empty()) {
            if (closing_ && !close_sent_) send_close();
            return;
        }
        writing_ = true;
        ws_.binary(queue_.front().opcode == AGH_WS_BINARY);
        ws_.async_write(asio::buffer(queue_.front().text),
                        [self = shared()](error_code ec, std::size_t) { self->wrote(ec); });
    }

    void wrote(error_code ec)
    {
        writing_ = false;
        if (ended_) return;
        if (ec) return reading_ ? void() : end(lost); // the pending read reports the reason
        const std::size_t n = queue_.front().text.size();
        queue_.pop_front();
        events_->ws_sent(n);
        if (!ended_) write();
    }

    void send_close()
    {
        close_frame_sent();
        const websocket::close_reason reason{static_cast<websocket::close_code>(close_code_), close_reason_};
        ws_.async_close(reason, [self = shared()](error_code ec) {
            if (self->ended_ || (ec && self->reading_)) return; // the pending read reports the reason
            self->end(ec ? lost : self->close_code_);
        });
    }

    void send_ping() override
    {
        if (pinging_) return;
        pinging_ = true;
        ws_.async_ping({}, [self = shared()](error_code) { self->pinging_ = false; });
    }

    Stream ws_;
    beast::flat_buffer buffer_;
    bool reading_ = false, writing_ = false, pinging_ = false;
};

} // namespace

std::shared_ptr<WebSocket> make_beast_websocket(net::Stream stream, WebSocketLimits limits,
                                                WebSocketEvents& events, std::shared_ptr<void> owner)
{
    return std::make_shared<BeastWebSocket>(std::move(stream), limits, events, std::move(owner));
}

std::shared_ptr<Upgrade> make_upgrade(net::Stream stream)
{
    return std::make_shared<BeastUpgrade>(std::move(stream));
}

} // namespace agenthost::host::listener
