#include "link.hpp"

#include "host/net/frame_socket.hpp"
#include "host/session/beast_socket.hpp"
#include "host/session/dial.hpp"
#include "host/session/link_ends.hpp"

#include <boost/asio/post.hpp>
#include <boost/beast/websocket/error.hpp>

#include <utility>

namespace agenthost::host {
namespace {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using net::error_code;

// Bytes written before the event loop runs.
constexpr std::size_t max_in_a_row = 512 << 10;
// Bytes of a close frame's reason: what a control frame holds beside the code.
constexpr std::size_t max_reason = 123;
constexpr int unknown_data = 1003;

// Has 11 functions of Link and 5 of the socket's Owner; connecting, handshake and framing are parts of their
// own.
class WebSocketLink final : public Link,
                            public std::enable_shared_from_this<WebSocketLink>,
                            private net::FrameSocket::Owner {
public:
    using Owner = Link::Owner;
    using Kind = net::FrameSocket::Kind;

    WebSocketLink(asio::any_io_executor executor, Options options, Owner& owner)
        : options_{std::move(options)}, owner_{&owner}, executor_{std::move(executor)}, dial_{executor_,
                                                                                              options_}
    {}
    ~WebSocketLink() override { drop(); }

    void open() override;
    void kick() override;
    void ping(std::string payload) override;
    void hold(bool held) override;
    void close(int code, std::string_view reason) override;
    void abort() override;
    void forget() override;
    [[nodiscard]] bool writing() const override { return writing_; }
    [[nodiscard]] std::string take_date() override { return std::exchange(date_, {}); }
    [[nodiscard]] std::uint64_t bytes_in() const override { return stream() ? stream()->bytes_in() : 0; }
    [[nodiscard]] std::uint64_t bytes_out() const override { return stream() ? stream()->bytes_out() : 0; }

private:
    // Of the socket.
    void on_message(Kind, std::string_view) override;
    void on_control(Kind, std::string_view payload) override;
    void on_written() override;
    void on_read_all() override { write(); }
    void on_end(error_code) override;

    void upgrade();
    void upgraded(BeastSocket::Response);
    [[nodiscard]] const net::Stream* stream() const;
    template <class Executor> void write_later(const Executor&);
    void write();
    void end(End);
    void drop();
    // Calls it with the socket that reads and writes the messages.
    template <class Call> auto with_socket(Call call) { return frames_ ? call(*frames_) : call(*beast_); }

    Options options_;
    // Null: no more callbacks.
    Owner* owner_;
    asio::any_io_executor executor_;
    Dial dial_;
    // Of the handshake, and of a connection that compresses.
    std::shared_ptr<BeastSocket> beast_;
    // Of any other connection that is open.
    std::shared_ptr<net::FrameSocket> frames_;
    std::string date_;
    // The peer's fault that makes us close.
    std::string fault_;
    bool open_ = false, writing_ = false, closing_ = false, aborted_ = false;
};

void WebSocketLink::open()
{
    dial_.start([weak = weak_from_this()](std::string problem) {
        const auto self = weak.lock();
        if (!self || !self->owner_) return;
        if (!problem.empty()) return self->end({std::move(problem)});
        self->upgrade();
    });
}

void WebSocketLink::upgrade()
{
    BeastSocket::Request request;
    request.host = options_.url.authority();
    request.target = options_.url.target;
    request.headers = {{"User-Agent", options_.user_agent}};
    request.headers.insert(request.headers.end(), options_.headers.begin(), options_.headers.end());
    options_.headers = {};
    request.max_message = options_.message_bytes;
    request.compress = options_.compress;
    request.compress_from = compress_from;
    beast_ = make_beast_socket(dial_.take_stream(), *this, weak_from_this());
    beast_->upgrade(std::move(request),
                    [this](BeastSocket::Response response) { upgraded(std::move(response)); });
}

void WebSocketLink::upgraded(BeastSocket::Response response)
{
    date_ = std::move(response.date);
    if (response.error == websocket::error::upgrade_declined)
        return end(upgrade_declined(options_.url, response.status));
    if (response.error) return end({"the WebSocket upgrade: " + response.error.message()});
    open_ = true;
    if (!response.compressed) {
        net::FrameSocket::Owner& owner = *this;
        frames_ = std::make_shared<net::FrameSocket>(beast_->take_stream(), net::FrameReader::Role::client,
                                                     options_.message_bytes, owner, weak_from_this());
        beast_.reset();
    }
    owner_->on_open();
    date_.clear();
    if (owner_) with_socket([](auto& socket) { socket.start(); });
}

const net::Stream* WebSocketLink::stream() const
{
    if (frames_) return &std::as_const(*frames_).stream();
    return beast_ ? &beast_->stream() : dial_.stream();
}

void WebSocketLink::on_message(Kind kind, std::string_view message)
{
    if (closing_) return;
    if (kind == Kind::text) return owner_->on_frame(message);
    if (owner_->on_binary(message)) return;
    fault_ = "the server sent a binary frame of " + std::to_string(message.size()) +
             " bytes that the protocol does not have. Check url and protocol of this server";
    close(unknown_data, "this binary frame is not part of the protocol");
}

// Posted, not called inside the read that found the frame.
void WebSocketLink::on_control(Kind kind, std::string_view payload)
{
    asio::post(executor_, [self = shared_from_this(), kind, payload = std::string{payload}] {
        if (!self->owner_) return;
        if (kind == Kind::pong)
            self->owner_->on_pong(payload);
        else
            self->owner_->on_ping();
    });
}

void WebSocketLink::on_end(error_code ec)
{
    if (ec == websocket::error::closed)
        return end(with_socket(
            [](const auto& socket) { return closed_by_server(socket.close_code(), socket.close_reason()); }));
    if (closing_) return end({});
    if (ec == websocket::condition::protocol_violation)
        return end(
            with_socket([ec](const auto& socket) { return broke_protocol(ec, socket.seen_at_fault()); }));
    end({"the connection: " + ec.message()});
}

void WebSocketLink::kick()
{
    if (!open_ || writing_ || closing_) return;
    if (beast_) return write_later(beast_->executor());
    if (!frames_->reading()) return write_later(executor_); // else on_read_all() writes
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

// Writes frames into the stream's cork, until one must wait for space or be compressed.
void WebSocketLink::write()
{
    std::size_t written = 0;
    while (owner_ && !closing_ && !writing_) {
        const std::string_view frame = owner_->next_frame();
        if (frame.empty()) return;
        if (written > max_in_a_row) return write_later(executor_);
        written += frame.size();
        // A frame that must wait is followed by on_written(). After another one, a kick() inside the owner's
        // on_written() takes effect in the next iteration.
        writing_ = true;
        if (!with_socket([frame](auto& socket) { return socket.send(net::Opcode::text, frame); })) return;
        owner_->on_written();
        writing_ = false;
    }
}

void WebSocketLink::on_written()
{
    writing_ = false;
    if (!owner_) return;
    owner_->on_written();
    write();
}

void WebSocketLink::ping(std::string payload)
{
    if (open_ && !closing_) with_socket([&](auto& socket) { socket.ping(payload); });
}

void WebSocketLink::hold(bool held)
{
    if (open_) with_socket([held](auto& socket) { socket.pause(held); });
}

void WebSocketLink::close(int code, std::string_view reason)
{
    if (closing_) return;
    if (!open_) return abort();
    closing_ = true;
    with_socket([code, reason = reason.substr(0, max_reason)](auto& socket) {
        socket.close(static_cast<std::uint16_t>(code), reason);
    });
}

void WebSocketLink::abort()
{
    if (!owner_) return;
    // Operations that drop() cancels must not report the end.
    aborted_ = true;
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
    dial_.stop();
    if (frames_) return frames_->abort();
    if (beast_) beast_->abort();
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
