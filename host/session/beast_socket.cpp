#include "beast_socket.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <optional>
#include <utility>

namespace agenthost::host {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using net::error_code;
using Kind = net::FrameSocket::Kind;

// A larger buffer is freed after its message.
constexpr std::size_t kept_buffer = 64 << 10;
// Masking copies through this buffer: a larger one needs fewer writes for a big result.
constexpr std::size_t write_buffer = 16 << 10;

class Socket final : public BeastSocket, public std::enable_shared_from_this<Socket> {
public:
    Socket(net::Stream stream, Owner& owner, std::weak_ptr<void> life)
        : queue_{std::make_shared<StepQueue>(stream.get_executor())}, ws_{std::move(stream)}, owner_{owner},
          life_{std::move(life)}
    {}

    void upgrade(Request, std::function<void(Response)> done) override;
    net::Stream take_stream() override { return std::move(ws_.next_layer()); }

    void start() override { read(); }
    void pause(bool on) override
    {
        paused_ = on;
        read();
    }
    bool send(net::Opcode, std::string_view message) override;
    void ping(std::string_view payload) override;
    void close(std::uint16_t code, std::string_view reason) override;
    void abort() override
    {
        over_ = true;
        ws_.next_layer().close();
    }
    [[nodiscard]] int close_code() const override { return ws_.reason().code; }
    [[nodiscard]] std::string close_reason() const override
    {
        return {ws_.reason().reason.data(), ws_.reason().reason.size()};
    }
    [[nodiscard]] const std::string& seen_at_fault() const override { return ws_.next_layer().tail(); }
    [[nodiscard]] const net::Stream& stream() const override { return ws_.next_layer(); }
    StepQueue::Executor executor() override { return queue_->executor(); }

private:
    void configure();
    void upgraded(error_code, const std::function<void(Response)>& done);
    void read();
    void on_read(error_code, std::size_t);
    bool send_past_beast(std::string_view message);
    void on_sent(error_code);
    void on_control(websocket::frame_type, std::string_view payload);
    void finish(error_code);
    // Null: no callback may run.
    [[nodiscard]] std::shared_ptr<void> life() const { return over_ ? nullptr : life_.lock(); }

    std::shared_ptr<StepQueue> queue_;
    websocket::stream<net::Stream, true> ws_;
    Owner& owner_;
    std::weak_ptr<void> life_;
    Request request_;
    websocket::response_type response_;
    beast::flat_buffer in_;
    net::MaskKeys masks_;
    websocket::ping_data ping_;
    std::optional<std::string> next_ping_;
    bool reading_ = false, paused_ = false, pinging_ = false, closing_ = false, over_ = false;
};

void Socket::configure()
{
    ws_.set_option(websocket::stream_base::timeout{websocket::stream_base::none(),
                                                   websocket::stream_base::none(), false});
    ws_.set_option(websocket::stream_base::decorator{[this](websocket::request_type& request) {
        for (const auto& [name, value] : request_.headers) request.set(name, value);
    }});
    if (request_.compress) {
        websocket::permessage_deflate deflate;
        deflate.client_enable = true;
        // Only big messages benefit; an idle window wastes memory.
        deflate.client_no_context_takeover = deflate.server_no_context_takeover = true;
        deflate.msg_size_threshold = request_.compress_from;
        ws_.set_option(deflate);
    }
    ws_.auto_fragment(false);
    ws_.text(true);
    ws_.read_message_max(request_.max_message);
    ws_.write_buffer_bytes(write_buffer);
    ws_.control_callback(
        [this](websocket::frame_type kind, beast::string_view payload) { on_control(kind, payload); });
    ws_.next_layer().stop_at_head_end();
}

void Socket::upgrade(Request request, std::function<void(Response)> done)
{
    request_ = std::move(request);
    configure();
    ws_.async_handshake(response_, request_.host, request_.target,
                        [self = shared_from_this(), done = std::move(done)](error_code ec) {
                            if (const auto life = self->life()) self->upgraded(ec, done);
                        });
}

void Socket::upgraded(error_code ec, const std::function<void(Response)>& done)
{
    Response response;
    response.error = ec;
    response.status = response_.result_int();
    if (const auto date = response_.find(http::field::date); date != response_.end())
        response.date = std::string{date->value()};
    response.compressed = response_.count(http::field::sec_websocket_extensions) != 0;
    response_ = {};
    request_.headers = {};
    done(std::move(response));
}

void Socket::read()
{
    if (reading_ || paused_ || closing_ || over_) return;
    reading_ = true;
    ws_.async_read(in_, asio::bind_executor(queue_->executor(),
                                            [self = shared_from_this()](error_code ec, std::size_t n) {
                                                self->on_read(ec, n);
                                            }));
}

void Socket::on_read(error_code ec, std::size_t n)
{
    reading_ = false;
    const auto alive = life();
    if (!alive) return;
    if (ec) {
        // During our own closing handshake, its completion reports the end.
        if (!closing_ || ec == websocket::error::closed) finish(ec);
        return;
    }
    // The closing handshake does its own reads.
    if (closing_) return;
    owner_.on_message(ws_.got_text() ? Kind::text : Kind::binary,
                      {static_cast<const char*>(in_.data().data()), n});
    in_.consume(n);
    if (in_.capacity() > kept_buffer) in_.shrink_to_fit();
    read();
}

bool Socket::send(net::Opcode, std::string_view message)
{
    if (closing_ || over_) return false;
    if (send_past_beast(message)) return true;
    ws_.async_write(
        asio::buffer(message),
        asio::bind_executor(queue_->executor(),
                            [self = shared_from_this()](error_code ec, std::size_t) { self->on_sent(ec); }));
    return false;
}

// Bypasses Beast, which takes six steps per message, masks byte by byte and copies twice. Beast's own frames
// at this time are pongs and the answer to a close (see net::Core::whole); our own pings are waited for.
bool Socket::send_past_beast(std::string_view message)
{
    if (pinging_ || !ws_.is_open()) return false;
    if (message.size() > net::block_size || (request_.compress && message.size() >= request_.compress_from))
        return false;
    const net::MaskKey key = masks_.next();
    return ws_.next_layer().write_frame(net::FrameHead{net::Opcode::text, message.size(), &key}.view(),
                                        message, &key);
}

void Socket::on_sent(error_code ec)
{
    const auto alive = life();
    if (!alive || (ec && closing_)) return;
    if (!ec) return owner_.on_written();
    // A pending read reports what the peer sent last, which explains more than "broken pipe".
    if (!reading_) finish(ec);
}

void Socket::ping(std::string_view payload)
{
    if (closing_ || over_) return;
    if (pinging_) {
        next_ping_ = payload;
        return;
    }
    pinging_ = true;
    ping_ = beast::string_view{payload.data(), payload.size()};
    ws_.async_ping(ping_, [self = shared_from_this()](error_code ec) {
        self->pinging_ = false;
        const auto next = std::exchange(self->next_ping_, std::nullopt);
        // The read reports the error.
        if (!ec && next && self->life()) self->ping(*next);
    });
}

void Socket::close(std::uint16_t code, std::string_view reason)
{
    if (std::exchange(closing_, true) || over_) return;
    const websocket::close_reason why{static_cast<websocket::close_code>(code),
                                      beast::string_view{reason.data(), reason.size()}};
    ws_.async_close(why, [self = shared_from_this()](error_code) {
        if (const auto alive = self->life()) self->finish({});
    });
}

void Socket::on_control(websocket::frame_type kind, std::string_view payload)
{
    // After a close frame the read ends with an error.
    if (over_ || kind == websocket::frame_type::close) return;
    owner_.on_control(kind == websocket::frame_type::pong ? Kind::pong : Kind::ping, payload);
}

void Socket::finish(error_code ec)
{
    if (!std::exchange(over_, true)) owner_.on_end(ec);
}

} // namespace

std::shared_ptr<BeastSocket> make_beast_socket(net::Stream stream, BeastSocket::Owner& owner,
                                               std::weak_ptr<void> life)
{
    return std::make_shared<Socket>(std::move(stream), owner, std::move(life));
}

} // namespace agenthost::host
