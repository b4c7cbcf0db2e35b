#include "frame_socket.hpp"

#include <boost/asio/post.hpp>
#include <boost/beast/websocket/error.hpp>

#include <utility>

namespace agenthost::host::net {
namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;

namespace {

// Bytes read before the loop serves other connections.
constexpr std::size_t max_in_a_row = block_size;
// After so many messages their answers are sent although more input waits, so that the peer works meanwhile.
constexpr unsigned batch = 32;

std::string close_payload(std::uint16_t code, std::string_view reason)
{
    std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
    return payload.append(reason);
}

// The close code that reports a fault to the peer.
std::uint16_t code_of(error_code fault)
{
    if (fault == websocket::error::message_too_big) return 1009;
    return fault == websocket::error::bad_frame_payload ? 1007 : 1002;
}

} // namespace

FrameSocket::FrameSocket(Stream stream, FrameReader::Role role, std::uint64_t max_message, Owner& owner,
                         std::weak_ptr<void> life)
    : stream_{std::move(stream)}, reader_{role, max_message}, sender_{role == FrameReader::Role::client},
      owner_{&owner}, life_{std::move(life)}
{}

void FrameSocket::start() { serve_later(); }

void FrameSocket::pause(bool on)
{
    paused_ = on;
    if (!on && !serving_ && !waits_for_input_) serve_later();
}

void FrameSocket::abort()
{
    over_ = aborted_ = true;
    owner_ = nullptr;
    // Closing returns the block that holds the message.
    if (!serving_) stream_.close();
}

void FrameSocket::serve_later()
{
    if (std::exchange(serve_posted_, true)) return;
    asio::post(stream_.get_executor(), [self = shared_from_this()] {
        self->serve_posted_ = false;
        if (!self->waits_for_input_) self->serve();
    });
}

void FrameSocket::serve()
{
    const auto life = life_.lock();
    if (!life || serving_ || over_) return;
    const auto self = shared_from_this();
    serving_ = true;
    stream_.will_flush(true);
    const std::uint64_t begin = stream_.bytes_in();
    bool more = true;
    for (unsigned served = 1; more && reads() && stream_.bytes_in() - begin < max_in_a_row; ++served) {
        more = serve_one();
        if (served % batch != 0 || !owner_) continue;
        owner_->on_read_all();
        if (!aborted_) stream_.flush();
    }
    if (owner_) owner_->on_read_all();
    serving_ = false;
    stream_.will_flush(false);
    if (aborted_) return stream_.close();
    stream_.flush();
    if (!reads()) return;
    if (more)
        serve_later();
    else
        wait_for_input();
}

// False: nothing to read now.
bool FrameSocket::serve_one()
{
    error_code ec;
    const std::span<char> bytes = stream_.peek_to_change(ec);
    if (ec) {
        if (ec == asio::error::would_block) return false;
        return finish(ec), true;
    }
    const std::size_t begun = reader_.begun_head().size();
    const auto found = reader_.next(bytes.data(), bytes.size());
    if (found.kind == Kind::fault) remember_fault({bytes.data(), bytes.size()}, begun);
    handle(found);
    if (stream_.is_open()) stream_.consume(found.used);
    return true;
}

void FrameSocket::remember_fault(std::string_view bytes, std::size_t begun)
{
    constexpr std::size_t max_seen = 2048;
    seen_at_fault_ = reader_.last_head().substr(0, begun);
    seen_at_fault_ += bytes.substr(0, max_seen);
}

void FrameSocket::wait_for_input()
{
    reader_.release_memory();
    waits_for_input_ = true;
    stream_.wait_readable([self = shared_from_this()](error_code ec) {
        self->waits_for_input_ = false;
        if (!ec) return self->serve();
        const auto life = self->life_.lock();
        if (life && !self->ending_) self->finish(ec);
    });
}

void FrameSocket::handle(const FrameReader::Found& found)
{
    switch (found.kind) {
    case Kind::more: return;
    case Kind::text:
    case Kind::binary: return owner_->on_message(found.kind, found.payload);
    case Kind::ping:
        if (!close_sent()) {
            send_control(Opcode::pong, found.payload);
            owner_->on_control(found.kind, found.payload);
        }
        return;
    case Kind::pong:
        if (!close_sent()) owner_->on_control(found.kind, found.payload);
        return;
    case Kind::close: return closed_by_peer(found.payload);
    case Kind::fault: return fail(reader_.fault());
    }
}

void FrameSocket::closed_by_peer(std::string_view reason)
{
    close_reason_ = reason;
    ending_ = websocket::error::closed;
    constexpr std::uint16_t normal = 1000;
    send_control(Opcode::close, close_payload(close_code() == 0 ? normal : close_code(), {}));
    end_when_sent();
}

void FrameSocket::fail(error_code fault)
{
    ending_ = fault;
    send_control(Opcode::close, close_payload(code_of(fault), {}));
    end_when_sent();
}

void FrameSocket::finish(error_code ec)
{
    if (std::exchange(over_, true)) return;
    if (Owner* const owner = std::exchange(owner_, nullptr)) owner->on_end(ec);
}

bool FrameSocket::send(Opcode opcode, std::string_view message)
{
    if (closing()) return false;
    if (sender_.send(stream_, opcode, message)) return true;
    wait_for_space();
    return false;
}

bool FrameSocket::try_send(Opcode opcode, std::string_view message)
{
    return !closing() && sender_.try_send(stream_, opcode, message);
}

// The reader reports a broken connection; while nothing is reading, this does.
void FrameSocket::wait_for_space()
{
    if (over_ || std::exchange(waits_for_space_, true)) return;
    if (stream_.error()) {
        if (reads()) return;
        return asio::post(stream_.get_executor(), [self = shared_from_this()] {
            const auto life = self->life_.lock();
            if (life) self->finish(self->stream_.error());
        });
    }
    stream_.wait_writable([self = shared_from_this()](error_code ec) {
        self->waits_for_space_ = false;
        const auto life = self->life_.lock();
        if (!ec && life && !self->over_) self->go_on_sending();
    });
}

void FrameSocket::go_on_sending()
{
    const bool message = sending();
    if (message && !sender_.go_on(stream_)) return wait_for_space();
    send_waiting_controls();
    if (message && owner_) owner_->on_written();
    end_when_sent();
    // A paused socket reads again once its close frame is sent.
    if (close_sent() && !serving_ && !waits_for_input_ && reads()) serve_later();
}

void FrameSocket::ping(std::string_view payload) { send_control(Opcode::ping, payload); }

void FrameSocket::close(std::uint16_t code, std::string_view reason)
{
    if (sender_.closing() || over_) return;
    send_control(Opcode::close, close_payload(code, reason));
    if (!serving_ && !waits_for_input_ && reads()) serve_later();
}

// Nothing follows a close frame, not even a second one.
void FrameSocket::send_control(Opcode opcode, std::string_view payload)
{
    if (sender_.closing() || over_) return;
    sender_.keep(opcode, std::string{payload});
    send_waiting_controls();
}

void FrameSocket::send_waiting_controls()
{
    if (sending()) return; // go_on_sending() will do it
    if (!sender_.send_controls(stream_)) wait_for_space();
}

void FrameSocket::end_when_sent()
{
    if (!ending_ || sending() || sender_.close_waits() || std::exchange(shutting_down_, true)) return;
    stream_.async_shutdown([self = shared_from_this()](error_code ec) {
        const auto life = self->life_.lock();
        if (life) self->finish(ec ? ec : *self->ending_);
    });
}

} // namespace agenthost::host::net
