#include "link.hpp"

#include "host/net/frame_socket.hpp"
#include "host/net/stream.hpp"
#include "host/session/lane.hpp"
#include "host/session/link_ends.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace agenthost::host {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using net::error_code;

constexpr std::size_t kept_buffer = 64 << 10;   // a larger buffer is freed after its message
constexpr std::size_t max_in_a_row = 512 << 10; // bytes written before the event loop runs
constexpr std::size_t kept_tail = 2048;         // last bytes read, searched for an HTTP error

// Beast performs the handshake, and frames the messages if compression was negotiated; otherwise
// net::FrameSocket frames them.
class WebSocketLink final : public Link,
                            public std::enable_shared_from_this<WebSocketLink>,
                            private net::FrameSocket::Owner {
public:
    using Owner = Link::Owner;
    using Kind = net::FrameSocket::Kind;

    WebSocketLink(const asio::any_io_executor& executor, Options options, Owner& owner)
        : options_{std::move(options)}, owner_{&owner}, executor_{executor},
          lane_{std::make_shared<Lane>(executor)}, socket_{executor}, patience_{executor}
    {}

    ~WebSocketLink() override
    {
        if (frames_) frames_->abort();
    }

    void open() override { connect(); }
    void kick() override
    {
        if (!open_ || writing_ || closing_) return;
        if (!frames_) return write_later(lane_->executor());
        if (!frames_->reading()) return write_later(executor_); // else on_read_all() writes
    }
    void ping(std::string payload) override;
    void hold(bool) override;
    void close(int code, std::string_view reason) override;
    void abort() override;
    void forget() override;
    [[nodiscard]] bool writing() const override { return writing_; }
    [[nodiscard]] std::string take_date() override { return std::exchange(date_, {}); }
    [[nodiscard]] std::uint64_t bytes_in() const override { return stream() ? stream()->bytes_in() : 0; }
    [[nodiscard]] std::uint64_t bytes_out() const override { return stream() ? stream()->bytes_out() : 0; }

private:
    void connect();
    void connected();
    void ask_proxy();
    void proxy_answers();
    void secure();
    void secured();
    void upgraded(error_code);
    [[nodiscard]] const net::Stream* stream() const;
    void read_frames();
    void on_message(Kind, std::string_view) override;
    void on_control(Kind kind, std::string_view payload) override
    {
        tell_control(kind == Kind::pong, payload);
    }
    void on_written() override;
    void on_read_all() override { write(); }
    void on_end(error_code) override;
    void refuse_binary(std::size_t size);
    void tell_control(bool pong, std::string_view payload);
    void read();
    void on_read(error_code, std::size_t);
    template <class Executor> void write_later(const Executor&);
    void write();
    bool write_past_beast(std::string_view frame);
    void on_write(error_code);
    void write_failed(error_code);
    void on_control(websocket::frame_type, std::string_view payload);
    void fail(error_code, const std::string& doing);
    void end(End);
    void drop();

    Options options_;
    Owner* owner_; // null: no more callbacks
    asio::any_io_executor executor_;
    std::shared_ptr<Lane> lane_; // runs the steps of every message
    tcp::socket socket_;         // while connecting
    asio::steady_timer patience_;
    std::size_t next_address_ = 0;
    std::string tried_; // the last address and its error
    std::optional<websocket::stream<net::Stream, true>> ws_;
    std::shared_ptr<net::FrameSocket> frames_; // replaces ws_ once the connection is open
    netclient::ConnectAnswer tunnel_;
    websocket::response_type response_;
    std::string date_;
    beast::flat_buffer in_;
    std::string fault_; // the peer's fault that makes us close
    net::MaskKeys mask_keys_;
    websocket::ping_data ping_;
    std::optional<std::string> next_ping_;
    bool open_ = false, reading_ = false, held_ = false, writing_ = false, pinging_ = false, closing_ = false,
         aborted_ = false;
};

void WebSocketLink::connect()
{
    if (!owner_) return;
    if (next_address_ == options_.addresses.size()) {
        const bool proxy = options_.proxy.has_value();
        return end({"cannot connect to " + (proxy ? "the proxy " + options_.proxy->host : options_.url.host) +
                    ": " + (tried_.empty() ? "it has no address" : tried_) + ". Check " +
                    (proxy ? "proxy" : "url, the server") + " and the firewall between"});
    }
    const tcp::endpoint address = options_.addresses[next_address_++];
    socket_ = tcp::socket{executor_};
    patience_.expires_after(options_.address_patience);
    patience_.async_wait([self = shared_from_this()](error_code ec) {
        if (!ec) self->socket_.close(ec);
    });
    socket_.async_connect(address, [self = shared_from_this(), address](error_code ec) {
        const bool in_time = self->patience_.cancel() > 0;
        if (!self->owner_) return;
        if (!ec && self->socket_.is_open()) return self->connected();
        self->tried_ = net::address_text(address.data()) + " " + (in_time ? ec.message() : "does not answer");
        self->connect();
    });
}

void WebSocketLink::connected()
{
    error_code ignored; // the first read fails too, with a more specific error
    socket_.set_option(asio::socket_base::keep_alive{true}, ignored);
    const int fd = socket_.release(ignored);
    ws_.emplace(net::Stream{executor_, fd});
    ws_->next_layer().no_delay();
    ws_->next_layer().keep_tail(kept_tail);
    if (options_.proxy) return ask_proxy();
    secure();
}

void WebSocketLink::ask_proxy()
{
    ws_->next_layer().write(
        netclient::connect_request(*options_.proxy, options_.url.host, options_.url.port));
    ws_->next_layer().wait_readable(
        [self = shared_from_this()](error_code) { // the read returns the same error
            if (self->owner_) self->proxy_answers();
        });
}

void WebSocketLink::proxy_answers()
{
    net::Stream& stream = ws_->next_layer();
    error_code ec;
    const std::string_view bytes = stream.peek(ec);
    if (ec == asio::error::would_block)
        return stream.wait_readable([self = shared_from_this()](error_code) {
            if (self->owner_) self->proxy_answers();
        });
    if (ec) return fail(ec, "the proxy " + options_.proxy->shown());
    stream.consume(tunnel_.feed(bytes));
    switch (tunnel_.state()) {
    case netclient::ConnectAnswer::State::more: return proxy_answers();
    case netclient::ConnectAnswer::State::refused:
        return end({tunnel_.problem(*options_.proxy, options_.url.host, options_.url.port)});
    case netclient::ConnectAnswer::State::open: break;
    }
    if (stream.buffered() > 0) // a server must not send before the request
        return end({"the proxy " + options_.proxy->shown() + " says more than its answer. Check what it is"});
    secure();
}

void WebSocketLink::secure()
{
    if (!options_.tls) return secured();
    ws_->next_layer().async_handshake(options_.tls, options_.url.host,
                                      [self = shared_from_this()](error_code ec) {
                                          if (!self->owner_) return;
                                          if (!ec) return self->secured();
                                          const std::string& words = self->ws_->next_layer().problem();
                                          self->end({"TLS with " + self->options_.url.host + ": " +
                                                     (words.empty() ? ec.message() : words)});
                                      });
}

void WebSocketLink::secured()
{
    ws_->set_option(websocket::stream_base::timeout{websocket::stream_base::none(),
                                                    websocket::stream_base::none(), false});
    ws_->set_option(websocket::stream_base::decorator{[this](websocket::request_type& request) {
        request.set(http::field::user_agent, options_.user_agent);
        for (const auto& [name, value] : options_.headers) request.set(name, value);
    }});
    if (options_.compress) {
        websocket::permessage_deflate deflate;
        deflate.client_enable = true;
        deflate.client_no_context_takeover = true; // only big messages benefit; an idle window wastes memory
        deflate.server_no_context_takeover = true;
        deflate.msg_size_threshold = compress_from;
        ws_->set_option(deflate);
    }
    ws_->auto_fragment(false);
    ws_->text(true);
    ws_->read_message_max(options_.message_bytes);
    ws_->write_buffer_bytes(16 << 10); // masking copies through it: fewer writes for a big result
    ws_->control_callback(
        [this](websocket::frame_type kind, beast::string_view payload) { on_control(kind, payload); });
    ws_->next_layer().stop_at_head_end();
    ws_->async_handshake(response_, options_.url.authority(), options_.url.target,
                         [self = shared_from_this()](error_code ec) { self->upgraded(ec); });
}

void WebSocketLink::upgraded(error_code ec)
{
    if (!owner_) return;
    if (const auto date = response_.find(http::field::date); date != response_.end())
        date_ = std::string{date->value()};
    if (ec == websocket::error::upgrade_declined)
        return end(upgrade_declined(options_.url, response_.result_int()));
    if (ec) return fail(ec, "the WebSocket upgrade");
    const bool compressed = response_.count(http::field::sec_websocket_extensions) != 0;
    response_ = {};
    open_ = true;
    if (!compressed) read_frames();
    owner_->on_open();
    date_.clear();
    if (!owner_) return;
    if (frames_)
        frames_->start();
    else
        read();
}

const net::Stream* WebSocketLink::stream() const
{
    if (frames_) return &frames_->stream();
    return ws_ ? &ws_->next_layer() : nullptr;
}

void WebSocketLink::read_frames()
{
    net::FrameSocket::Owner& owner = *this;
    frames_ = std::make_shared<net::FrameSocket>(std::move(ws_->next_layer()), net::FrameReader::Role::client,
                                                 options_.message_bytes, owner, weak_from_this());
    ws_.reset();
    frames_->pause(held_);
}

void WebSocketLink::on_message(Kind kind, std::string_view message)
{
    if (closing_) return;
    if (kind == Kind::binary) return refuse_binary(message.size());
    owner_->on_frame(message);
}

void WebSocketLink::on_written()
{
    writing_ = false;
    if (!owner_) return;
    owner_->on_written();
    write();
}

void WebSocketLink::on_end(error_code ec)
{
    if (ec == websocket::error::closed)
        return end(closed_by_server(frames_->close_code(), frames_->close_reason()));
    if (closing_) return end({});
    if (ec == websocket::condition::protocol_violation)
        return end(broke_protocol(ec, frames_->seen_at_fault()));
    fail(ec, "the connection");
}

void WebSocketLink::refuse_binary(std::size_t size)
{
    fault_ = "the server sent a binary frame of " + std::to_string(size) +
             " bytes; this protocol has text frames only. Check url and protocol of this server";
    close(websocket::close_code::unknown_data, "binary frames are not part of this protocol");
}

void WebSocketLink::read()
{
    if (reading_ || held_ || closing_) return;
    reading_ = true;
    ws_->async_read(in_, asio::bind_executor(lane_->executor(),
                                             [self = shared_from_this()](error_code ec, std::size_t n) {
                                                 self->on_read(ec, n);
                                             }));
}

void WebSocketLink::on_read(error_code ec, std::size_t n)
{
    reading_ = false;
    if (!owner_) return;
    if (ec) {
        // During our own closing handshake, its completion reports the end.
        if (!closing_ || ec == websocket::error::closed) fail(ec, "the connection");
        return;
    }
    if (closing_) return; // the closing handshake does its own reads
    if (!ws_->got_text()) return refuse_binary(n);
    owner_->on_frame({static_cast<const char*>(in_.data().data()), n});
    in_.consume(n);
    if (in_.capacity() > kept_buffer) in_.shrink_to_fit();
    if (owner_) read();
}

// Calls on_written() from the loop, never inside kick().
template <class Executor> void WebSocketLink::write_later(const Executor& executor)
{
    writing_ = true;
    asio::post(executor, [self = shared_from_this()] {
        self->writing_ = false;
        self->write();
    });
}

// Writes frames into the stream's cork; passes those that must wait for room or be compressed to Beast.
void WebSocketLink::write()
{
    std::size_t written = 0;
    while (owner_ && !closing_ && !writing_) {
        const std::string_view frame = owner_->next_frame();
        if (frame.empty()) return;
        if (written > max_in_a_row) return write_later(executor_);
        written += frame.size();
        if (frames_ && !frames_->send(net::Opcode::text, frame)) {
            writing_ = true; // on_written() continues
            return;
        }
        if (frames_ || write_past_beast(frame)) {
            writing_ = true; // a kick() inside on_written() takes effect in the next iteration
            owner_->on_written();
            writing_ = false;
            continue;
        }
        writing_ = true;
        ws_->async_write(
            asio::buffer(frame),
            asio::bind_executor(lane_->executor(), [self = shared_from_this()](error_code ec, std::size_t) {
                self->on_write(ec);
            }));
    }
}

// Bypasses Beast, which takes six steps per message, masks byte by byte and copies twice. Beast's own frames
// at this time are pongs and the answer to a close (see net::Core::whole); our own pings are waited for.
bool WebSocketLink::write_past_beast(std::string_view frame)
{
    if (pinging_ || !ws_->is_open()) return false;
    if (frame.size() > net::block_size || (options_.compress && frame.size() >= compress_from)) return false;
    const net::MaskKey key = mask_keys_.next();
    return ws_->next_layer().write_frame(net::FrameHead{net::Opcode::text, frame.size(), &key}.view(), frame,
                                         &key);
}

void WebSocketLink::on_write(error_code ec)
{
    writing_ = false;
    if (!owner_ || (ec && closing_)) return;
    if (ec) return write_failed(ec);
    owner_->on_written();
    if (owner_ && !closing_ && !writing_) write();
}

// Reads what the peer sent last: it explains more than "broken pipe".
void WebSocketLink::write_failed(error_code ec)
{
    writing_ = true; // block further writes
    if (!reading_) fail(ec, "the connection");
}

void WebSocketLink::ping(std::string payload)
{
    if (!open_ || closing_) return;
    if (frames_) return frames_->ping(payload);
    if (pinging_) {
        next_ping_ = std::move(payload);
        return;
    }
    pinging_ = true;
    ping_ = payload;
    ws_->async_ping(ping_, [self = shared_from_this()](error_code ec) {
        self->pinging_ = false;
        if (ec || !self->owner_ || !self->next_ping_) return; // the read reports the error
        self->ping(std::exchange(self->next_ping_, std::nullopt).value());
    });
}

void WebSocketLink::on_control(websocket::frame_type kind, std::string_view payload)
{
    if (kind == websocket::frame_type::close) return; // the read ends with an error
    tell_control(kind == websocket::frame_type::pong, payload);
}

// Posted, not called inside the read that found the frame.
void WebSocketLink::tell_control(bool pong, std::string_view payload)
{
    asio::post(executor_, [self = shared_from_this(), pong, payload = std::string{payload}] {
        if (!self->owner_) return;
        if (pong)
            self->owner_->on_pong(payload);
        else
            self->owner_->on_ping();
    });
}

void WebSocketLink::hold(bool held)
{
    held_ = held;
    if (frames_) return frames_->pause(held);
    if (!held_ && open_ && owner_) read();
}

void WebSocketLink::close(int code, std::string_view reason)
{
    if (closing_) return;
    if (!open_) return abort();
    closing_ = true;
    constexpr std::size_t longest = 123; // bytes in a control frame
    if (frames_) return frames_->close(static_cast<std::uint16_t>(code), reason.substr(0, longest));
    const websocket::close_reason said{static_cast<websocket::close_code>(code), reason.substr(0, longest)};
    ws_->async_close(said, [self = shared_from_this()](error_code) {
        if (self->owner_) self->end({});
    });
}

void WebSocketLink::abort()
{
    if (!owner_) return;
    aborted_ = true; // operations that drop() cancels must not report the end; abort() does
    drop();
    asio::post(executor_, [self = shared_from_this()] {
        if (self->owner_) self->end({});
    });
}

void WebSocketLink::forget()
{
    owner_ = nullptr;
    drop();
}

void WebSocketLink::drop()
{
    error_code ignored;
    patience_.cancel();
    socket_.close(ignored);
    if (frames_) return frames_->abort();
    if (ws_) ws_->next_layer().close();
}

void WebSocketLink::fail(error_code ec, const std::string& doing)
{
    if (ec == websocket::error::closed) {
        const websocket::close_reason& reason = ws_->reason();
        return end(closed_by_server(reason.code, {reason.reason.data(), reason.reason.size()}));
    }
    if (open_ && ws_ && ec == websocket::condition::protocol_violation)
        return end(broke_protocol(ec, ws_->next_layer().tail()));
    end({doing + ": " + ec.message()});
}

void WebSocketLink::end(End end)
{
    Owner* const owner = std::exchange(owner_, nullptr);
    drop();
    if (aborted_) end = {};
    if (!fault_.empty()) end = {.why = std::move(fault_)};
    if (owner) owner->on_end(end);
}

} // namespace

std::shared_ptr<Link> make_link(const asio::any_io_executor& executor, Link::Options options,
                                Link::Owner& owner)
{
    return std::make_shared<WebSocketLink>(executor, std::move(options), owner);
}

} // namespace agenthost::host
