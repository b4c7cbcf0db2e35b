#include "link.hpp"

#include "host/net/stream.hpp"
#include "host/session/lane.hpp"
#include "netclient/url.hpp"

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

constexpr std::size_t kept_buffer = 64 << 10;    // memory of a bigger message is given back after it
constexpr std::size_t most_in_a_row = 512 << 10; // bytes written before others have their turn
constexpr std::size_t kept_tail = 2048;          // bytes read last, to recognise an HTTP error among them

// The status line of an HTTP error at the end of what was read, "400 Bad Request"; empty: there is none. Some servers accept the upgrade
// and then write an HTTP error where a frame is due; read as a frame it is only "fragmented control frame".
std::string http_error_in(std::string_view tail)
{
    const std::size_t at = tail.rfind("HTTP/1.");
    if (at == tail.npos) return {};
    std::string_view line = tail.substr(at, std::min(tail.find_first_of("\r\n", at), tail.size()) - at);
    constexpr std::size_t version = 9; // "HTTP/1.1 "
    if (line.size() < version + 3 || line[version - 1] != ' ') return {};
    line.remove_prefix(version);
    const auto digit = [&](std::size_t i) { return line[i] >= '0' && line[i] <= '9'; };
    if (line[0] < '2' || line[0] > '5' || !digit(1) || !digit(2)) return {}; // the 101 is no error
    return netclient::printable(line, 80);
}

class WebSocketLink final : public Link, public std::enable_shared_from_this<WebSocketLink> {
public:
    WebSocketLink(const asio::any_io_executor& executor, Options options, Owner& owner)
        : options_{std::move(options)}, owner_{&owner}, executor_{executor},
          lane_{std::make_shared<Lane>(executor)}, socket_{executor}, patience_{executor}
    {}

    void open() override { connect(); }
    void kick() override
    {
        if (open_ && !writing_ && !closing_) write_later(lane_->executor());
    }
    void ping(std::string payload) override;
    void hold(bool) override;
    void close(int code, std::string_view reason) override;
    void abort() override;
    void forget() override;
    [[nodiscard]] bool writing() const override { return writing_; }
    [[nodiscard]] std::string take_date() override { return std::exchange(date_, {}); }
    [[nodiscard]] std::uint64_t bytes_in() const override { return ws_ ? ws_->next_layer().bytes_in() : 0; }
    [[nodiscard]] std::uint64_t bytes_out() const override { return ws_ ? ws_->next_layer().bytes_out() : 0; }

private:
    void connect();
    void connected();
    void ask_proxy();
    void proxy_answers();
    void secure();
    void secured();
    void upgraded(error_code);
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
    Owner* owner_; // null: nothing is to be told any more
    asio::any_io_executor executor_;
    std::shared_ptr<Lane> lane_; // for what happens with every message
    tcp::socket socket_;         // while connecting
    asio::steady_timer patience_;
    std::size_t next_address_ = 0;
    std::string tried_; // the last address and what was wrong with it
    std::optional<websocket::stream<net::Stream, true>> ws_;
    netclient::ConnectAnswer tunnel_;
    websocket::response_type response_;
    std::string date_;
    beast::flat_buffer in_;
    std::string fault_; // of the peer, for which we close
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
    error_code ignored; // what fails here fails again, and with more to say, at the first read
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
    ws_->next_layer().wait_readable([self = shared_from_this()](error_code) { // which the read repeats
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
    if (stream.buffered() > 0) // a server speaks only when it is spoken to
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
        deflate.client_no_context_takeover =
            true; // big messages pay for themselves; idle, the window is memory for nothing
        deflate.server_no_context_takeover = true;
        deflate.msg_size_threshold = compress_from;
        ws_->set_option(deflate);
    }
    ws_->auto_fragment(false);
    ws_->text(true);
    ws_->read_message_max(options_.message_bytes);
    ws_->write_buffer_bytes(16 << 10); // masking copies through it: fewer pieces for a big result
    ws_->control_callback(
        [this](websocket::frame_type kind, beast::string_view payload) { on_control(kind, payload); });
    ws_->async_handshake(response_, options_.url.authority(), options_.url.target,
                         [self = shared_from_this()](error_code ec) { self->upgraded(ec); });
}

void WebSocketLink::upgraded(error_code ec)
{
    if (!owner_) return;
    if (const auto date = response_.find(http::field::date); date != response_.end())
        date_ = std::string{date->value()};
    if (ec == websocket::error::upgrade_declined) {
        const auto status = response_.result_int();
        const bool refused = status == 401 || status == 403;
        return end(
            {netclient::shown_url("ws" + std::string{options_.url.tls ? "s://" : "://"} +
                                  options_.url.authority() + options_.url.target) +
                 " answered " + std::to_string(status) + " " +
                 std::string{http::obsolete_reason(response_.result())} +
                 (refused         ? ". Check credential and headers"
                  : status == 426 ? ". A proxy in front of the server drops the Upgrade header; nginx needs "
                                    "proxy_http_version 1.1 and the headers Upgrade and Connection"
                                  : ". Check the path in url"),
             refused});
    }
    if (ec) return fail(ec, "the WebSocket upgrade");
    response_ = {};
    open_ = true;
    owner_->on_open();
    date_.clear();
    if (owner_) read();
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
        // With our own closing handshake under way its completion tells the end.
        if (!closing_ || ec == websocket::error::closed) fail(ec, "the connection");
        return;
    }
    if (closing_) return; // the closing handshake reads on by itself
    if (!ws_->got_text()) {
        fault_ = "the server sent a binary frame of " + std::to_string(n) +
                 " bytes; this protocol has text frames only. Check url and protocol of this server";
        return close(websocket::close_code::unknown_data, "binary frames are not part of this protocol");
    }
    owner_->on_frame({static_cast<const char*>(in_.data().data()), n});
    in_.consume(n);
    if (in_.capacity() > kept_buffer) in_.shrink_to_fit();
    if (owner_) read();
}

// on_written() comes from the loop, not from inside kick().
template <class Executor> void WebSocketLink::write_later(const Executor& executor)
{
    writing_ = true;
    asio::post(executor, [self = shared_from_this()] {
        self->writing_ = false;
        self->write();
    });
}

// Frame after frame into the stream's cork; Beast has the ones that must wait for room in it, or are to be compressed.
void WebSocketLink::write()
{
    std::size_t written = 0;
    while (owner_ && !closing_ && !writing_) {
        const std::string_view frame = owner_->next_frame();
        if (frame.empty()) return;
        if (written > most_in_a_row) return write_later(executor_);
        written += frame.size();
        if (write_past_beast(frame)) {
            writing_ = true; // a kick() from inside on_written() is for the next round of this loop
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

// Beast takes six steps through its state machine for a message, masks byte by byte and copies twice. Its own frames meanwhile are
// pongs and the answer to a close: see net::Core::whole; a ping of ours is waited for.
bool WebSocketLink::write_past_beast(std::string_view frame)
{
    if (pinging_ || !ws_->is_open()) return false;
    if (frame.size() > net::block_size || (options_.compress && frame.size() >= compress_from)) return false;
    const net::MaskKey key = mask_keys_.next();
    return ws_->next_layer().write_masked(net::TextHead{frame.size(), key}.view(), frame, key);
}

void WebSocketLink::on_write(error_code ec)
{
    writing_ = false;
    if (!owner_ || (ec && closing_)) return;
    if (ec) return write_failed(ec);
    owner_->on_written();
    if (owner_ && !closing_ && !writing_) write();
}

// The peer's last words may be waiting to be read: they say more than "broken pipe".
void WebSocketLink::write_failed(error_code ec)
{
    writing_ = true; // no other write
    if (!reading_) fail(ec, "the connection");
}

void WebSocketLink::ping(std::string payload)
{
    if (!open_ || closing_) return;
    if (pinging_) {
        next_ping_ = std::move(payload);
        return;
    }
    pinging_ = true;
    ping_ = payload;
    ws_->async_ping(ping_, [self = shared_from_this()](error_code ec) {
        self->pinging_ = false;
        if (ec || !self->owner_ || !self->next_ping_) return; // the read tells what is wrong
        self->ping(std::exchange(self->next_ping_, std::nullopt).value());
    });
}

void WebSocketLink::on_control(websocket::frame_type kind, std::string_view payload)
{
    if (kind == websocket::frame_type::close) return; // the read ends with it
    // Not from inside the read that found it.
    asio::post(executor_, [self = shared_from_this(), kind, payload = std::string{payload}] {
        if (!self->owner_) return;
        if (kind == websocket::frame_type::pong)
            self->owner_->on_pong(payload);
        else
            self->owner_->on_ping();
    });
}

void WebSocketLink::hold(bool held)
{
    held_ = held;
    if (!held_ && open_ && owner_) read();
}

void WebSocketLink::close(int code, std::string_view reason)
{
    if (closing_) return;
    if (!open_) return abort();
    closing_ = true;
    constexpr std::size_t longest = 123; // of a control frame
    const websocket::close_reason said{static_cast<websocket::close_code>(code), reason.substr(0, longest)};
    ws_->async_close(said, [self = shared_from_this()](error_code) {
        if (self->owner_) self->end({});
    });
}

void WebSocketLink::abort()
{
    if (!owner_) return;
    aborted_ = true; // operations that drop() cancels must not tell the end: it is ours
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
    if (ws_) ws_->next_layer().close();
}

void WebSocketLink::fail(error_code ec, const std::string& doing)
{
    if (ec == websocket::error::closed) {
        const websocket::close_reason& reason = ws_->reason();
        std::string why = "the server closed the session (" + std::to_string(reason.code);
        if (!reason.reason.empty())
            why += ": " +
                   netclient::printable({reason.reason.data(), reason.reason.size()}, reason.reason.size());
        why += ")";
        return end(
            {std::move(why), reason.code == websocket::close_code::policy_error, reason.code,
             netclient::printable({reason.reason.data(), reason.reason.size()}, reason.reason.size())});
    }
    if (open_ && ec == websocket::condition::protocol_violation) {
        if (const std::string error = http_error_in(ws_->next_layer().tail()); !error.empty())
            return end({"the server accepted the upgrade with 101 and then wrote an HTTP error (" + error +
                        ") where a WebSocket frame was due. What answers at this path, or a proxy in front "
                        "of it, is "
                        "not a WebSocket endpoint or is misconfigured"});
    }
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
