// receive(): a body from the socket into the plugin's descriptor, hashed on the way. One half fills while the pool hashes and
// writes the other; the I/O thread touches no disk.
#include "connection.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>

#include <unistd.h>

namespace agenthost::host::listener {
namespace {

constexpr int turns = 16; // of 64 to 256 KiB before others have their turn

int write_all(int fd, const char* data, std::size_t size, std::uint64_t offset)
{
    while (size != 0) {
        const ssize_t n = ::pwrite(fd, data, size, static_cast<off_t>(offset));
        if (n < 0) {
            if (errno == EINTR) continue;
            return errno;
        }
        data += n;
        size -= static_cast<std::size_t>(n);
        offset += static_cast<std::uint64_t>(n);
    }
    return 0;
}

} // namespace

void Connection::do_receive(const ExchangePtr& exchange, int fd, std::uint64_t offset, std::uint64_t max)
{
    if (exchange_ != exchange || state_ != State::pending) return;
    receiving_ = std::make_unique<Receiving>();
    receiving_->fd = fd;
    receiving_->offset = offset;
    receiving_->max = fd < 0 ? std::min(max, most_in_memory) : max;
    if (!chunked_) receiving_->left = length_;
    enter(State::body);
    if (!chunked_ && length_ > receiving_->max) return end_body(AGH_E_INVALID);
    if (expects_) stream_->write("HTTP/1.1 100 Continue\r\n\r\n");
    expects_ = false;
    if (!chunked_ && length_ == 0)
        return end_body(AGH_OK); // nothing to wait for; a look-out for the peer may be under way
    if (fd >= 0 && body_unread_) {
        receiving_->filling.reserve(
            static_cast<std::size_t>(chunked_ ? half_bytes : std::min<std::uint64_t>(length_, half_bytes)));
    }
    pump_body();
}

void Connection::pump_body()
{
    if (waiting_) return;
    for (int turn = 0; turn < turns; ++turn) {
        Receiving& r = *receiving_;
        if (r.ended) return;
        if (r.left ? *r.left == 0 : r.decoder.done()) return end_body(AGH_OK);
        if (r.fd >= 0 && r.filling.size == r.filling.capacity) {
            if (r.busy) return; // the disk is behind: body_on_disk() goes on
            hand_to_disk();
        }
        error_code ec;
        if (fill_body(ec)) continue;
        if (!receiving_ || receiving_->ended) return; // a malformed body has been ended, and `r` with it
        if (ec != asio::error::would_block) return end_body(AGH_E_CLOSED);
        if (r.fd >= 0 && !r.busy && r.filling.size >= half_bytes / 4) hand_to_disk(); // use the time
        return arm_read();
    }
    later([this] {
        if (state_ == State::body && receiving_) pump_body();
    });
}

// Takes what the socket has now; false: nothing (ec) or the end (ended).
bool Connection::fill_body(error_code& ec)
{
    Receiving& r = *receiving_;
    char direct[16 * 1024];
    const std::size_t room = r.fd >= 0 ? r.filling.capacity - r.filling.size : sizeof direct;
    std::string_view content;
    char* const to = r.fd >= 0 ? r.filling.data.get() + r.filling.size : direct;
    if (r.left) {
        const std::size_t n =
            stream_->read_now(to, static_cast<std::size_t>(std::min<std::uint64_t>(room, *r.left)), ec);
        if (n == 0) return false;
        *r.left -= n;
        content = {to, n};
    } else {
        const std::string_view in = stream_->peek(ec);
        if (in.empty()) return false;
        const auto step = r.decoder.step(in.substr(0, room));
        std::copy(step.content.begin(), step.content.end(), to);
        content = {to, step.content.size()};
        stream_->consume(step.taken);
        if (r.decoder.failed() || r.got + content.size() > r.max) {
            end_body(AGH_E_INVALID);
            return false;
        }
    }
    r.got += content.size();
    if (r.fd >= 0) {
        r.filling.size += content.size();
    } else {
        r.memory.append(content);
        r.sha.update(content);
    }
    return true;
}

void Connection::hand_to_disk()
{
    Receiving& r = *receiving_;
    std::swap(r.filling, r.writing);
    r.filling.size = 0;
    const bool more = r.left ? *r.left != 0 : true;
    if (more && !r.ended) r.filling.reserve(r.writing.capacity);
    r.busy = true;
    server_->disk.run([self = shared_from_this(), &r]() mutable {
        r.sha.update(r.writing.data.get(), r.writing.size);
        const int error = write_all(r.fd, r.writing.data.get(), r.writing.size, r.offset);
        auto& io = self->thread_->io; // the last reference must not be dropped here
        asio::post(io, [self = std::move(self), error] { self->body_on_disk(error); });
    });
}

void Connection::body_on_disk(int error)
{
    Receiving& r = *receiving_;
    r.busy = false;
    const std::size_t written = r.writing.size;
    r.offset += written;
    r.writing.size = 0;
    if (error != 0) r.disk_error = error;
    if (abort_wanted_) return abort(status_);
    if (r.ended) return finish_body();
    if (r.disk_error != 0) return end_body(AGH_E_INTERNAL);
    const auto exchange = exchange_;
    r.landed += written;
    if (exchange->route->api.on_progress(exchange->route->ctx, exchange->id, r.landed) != AGH_OK) {
        if (receiving_) end_body(AGH_E_INTERNAL);
        return;
    }
    if (state_ == State::body && receiving_) pump_body();
}

// The body is over, well or not; the disk may still have a part of it.
void Connection::end_body(agh_status status)
{
    Receiving& r = *receiving_;
    if (r.ended) return;
    r.ended = true;
    r.end_status = status;
    if (status == AGH_OK) body_unread_ = false;
    if (!r.busy) finish_body();
}

void Connection::finish_body()
{
    Receiving& r = *receiving_;
    if (r.end_status == AGH_OK && r.disk_error == 0 && r.fd >= 0 && r.filling.size != 0)
        return hand_to_disk();
    const agh_status status = r.end_status == AGH_OK && r.disk_error != 0 ? AGH_E_INTERNAL : r.end_status;
    const auto exchange = exchange_;
    const auto received = std::move(receiving_);
    const auto digest = received->sha.finish();
    const agh_bytes data =
        status == AGH_OK ? agh_bytes{received->memory.data(), received->memory.size()} : agh_bytes{};
    if (status != AGH_OK) keep_alive_ = false;
    const auto tell = [&] {
        exchange->route->api.on_body(exchange->route->ctx, exchange->id, received->got,
                                     {digest.data(), digest.size()}, data, status);
    };

    if (status == AGH_OK || status == AGH_E_INTERNAL) { // the plugin answers
        enter(State::pending);
        exchange->phase = Exchange::Phase::received;
        tell();
        if (state_ == State::pending) watch_peer();
        return;
    }
    tell();
    if (status == AGH_E_CLOSED) {
        const bool slow = stream_->is_open() && Clock::now() - progress_at_ >= body_timeout();
        if (!slow) return abort(0);
        finish_exchange(408);
        return refuse(408, "REQUEST_TIMEOUT", "the body did not come in time");
    }
    const bool large = !received->decoder.failed();
    finish_exchange(large ? 413 : 400);
    if (large)
        refuse(413, "BODY_TOO_LARGE",
               "the body is larger than is taken here: " + std::to_string(received->max) + " bytes");
    else
        refuse(400, "BAD_REQUEST", "the body's chunks are malformed");
}

} // namespace agenthost::host::listener
