#include "core.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>

namespace agenthost::host::net {
namespace asio = boost::asio;

namespace {

error_code system_error(int code) { return {code, boost::system::system_category()}; }
error_code would_block() { return asio::error::would_block; }

// From this size a frame is sent at once, with what the cork holds, in one system call: the call costs less
// than a copy into a block that the kernel must first fill with zeros.
constexpr std::size_t big_frame = 8 * 1024;

// A late flush waits this many loop iterations for a read, which would flush the cork itself.
constexpr int late_flush_hops = 16;

} // namespace

Core::Core(const executor_type& e, int fd) : executor{e}, descriptor{e, fd}
{
    error_code ignored;
    descriptor.native_non_blocking(true, ignored);
}

Core::~Core() { SSL_free(ssl); }

std::size_t Core::read_some(void* data, std::size_t size, error_code& ec)
{
    // From this size, bytes are read directly into the caller's buffer.
    constexpr std::size_t direct = 16 * 1024;
    ec = {};
    std::size_t n = 0;
    if (unread() == 0 && size >= direct && !head_end_.wanted()) {
        n = receive(data, size, ec);
    } else {
        const std::span<char> bytes = peek(ec);
        n = take(static_cast<char*>(data), head_end_.up_to({bytes.data(), std::min(size, bytes.size())}));
    }
    if (tail_.wanted() && n != 0) tail_.append({static_cast<const char*>(data), n});
    return n;
}

std::span<char> Core::peek(error_code& ec)
{
    ec = {};
    if (unread() == 0) {
        in_.borrow();
        in_begin_ = 0;
        in_end_ = static_cast<std::uint32_t>(receive(in_.data(), block_size, ec));
        if (in_end_ == 0) in_.release();
    }
    return {in_.data() + in_begin_, unread()};
}

std::size_t Core::take(char* data, std::size_t size)
{
    const std::size_t n = std::min(size, unread());
    if (n != 0 && data) std::memcpy(data, in_.data() + in_begin_, n);
    in_begin_ += static_cast<std::uint32_t>(n);
    if (unread() == 0) in_.release();
    return n;
}

std::size_t Core::receive(void* data, std::size_t size, error_code& ec)
{
    ec = {};
    if (!descriptor.is_open()) {
        ec = asio::error::bad_descriptor;
        return 0;
    }
    if (ssl) return receive_tls(static_cast<char*>(data), size, ec);
    while (perhaps_more_) {
        const ssize_t n = ::recv(descriptor.native_handle(), data, size, 0);
        if (n > 0) {
            perhaps_more_ = static_cast<std::size_t>(n) == size;
            bytes_in += static_cast<std::uint64_t>(n);
            return static_cast<std::size_t>(n);
        }
        if (n == 0) {
            ec = asio::error::eof;
            return 0;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) {
            ec = system_error(errno);
            return 0;
        }
        perhaps_more_ = false;
    }
    ec = would_block();
    return 0;
}

std::size_t Core::space_after_flush(std::size_t wanted)
{
    if (free_space() < wanted && !flush_waits_) flush();
    return free_space();
}

std::size_t Core::write_some(const void* data, std::size_t size, error_code& ec)
{
    ec = out_error;
    if (!ec && !descriptor.is_open()) ec = asio::error::bad_descriptor;
    if (ec) return 0;
    std::size_t total = 0;
    if (size > whole || space_after_flush(size) >= size) {
        while (total < size && space_after_flush(1) > 0)
            total += out_.append({static_cast<const char*>(data), size}, total, nullptr);
    }
    if (unsent() != 0) flush_soon();
    if (total == 0 && size != 0) ec = out_error ? out_error : would_block();
    return total;
}

bool Core::write_frame(std::string_view head, std::string_view payload, const MaskKey* mask)
{
    if (out_error || !descriptor.is_open()) return false;
    const std::size_t size = head.size() + payload.size();
    if (space_after_flush(size) < size) return false;
    std::size_t sent = 0;
    if (size >= big_frame && !mask && !ssl && !flush_waits_) sent = send_with_corked(head, payload);
    if (out_error) return out_.drop(out_.size()), false;
    for (std::size_t done = sent; done < head.size();) done += out_.append(head, done, nullptr);
    for (std::size_t done = sent - std::min(sent, head.size()); done < payload.size();)
        done += out_.append(payload, done, mask);
    if (unsent() != 0) flush_soon();
    return true;
}

std::size_t Core::send_with_corked(std::string_view head, std::string_view payload)
{
    std::array<iovec, Cork::max_blocks + 2> pieces;
    Cork::Pieces corked;
    const std::size_t count = out_.gather(corked);
    std::copy_n(corked.begin(), count, pieces.begin());
    pieces[count] = {const_cast<char*>(head.data()), head.size()};
    pieces[count + 1] = {const_cast<char*>(payload.data()), payload.size()};
    const std::size_t sent = send_now({pieces.data(), count + 2});
    const std::size_t from_cork = std::min(sent, unsent());
    out_.drop(from_cork);
    return sent - from_cork;
}

// Returns 0 if the socket is full, or failed: see out_error.
std::size_t Core::send_now(std::span<iovec> pieces)
{
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    for (;;) {
        const ssize_t n = ::sendmsg(descriptor.native_handle(), &message, MSG_NOSIGNAL);
        if (n >= 0) {
            bytes_out += static_cast<std::uint64_t>(n);
            return static_cast<std::size_t>(n);
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) out_error = system_error(errno);
        return 0;
    }
}

std::size_t Core::write_payload(std::string_view payload, std::size_t at, const MaskKey* mask)
{
    if (out_error || !descriptor.is_open()) return 0;
    const std::size_t from = at;
    while (at < payload.size() && space_after_flush(1) > 0) at += out_.append(payload, at, mask);
    if (at != from) flush_soon();
    return at - from;
}

std::size_t Core::write_through(const void* data, std::size_t size, error_code& ec)
{
    flush();
    if (unsent() != 0 || out_error || ssl || !descriptor.is_open()) return write_some(data, size, ec);
    iovec piece{const_cast<void*>(data), size};
    const std::size_t n = send_now({&piece, 1});
    ec = n != 0 ? error_code{} : out_error ? out_error : would_block();
    return n;
}

void Core::flush()
{
    if (unsent() == 0 || flush_waits_ || out_error || !descriptor.is_open()) return;
    if (!send_corked()) wait_to_flush();
}

void Core::wait_to_flush()
{
    flush_waits_ = true;
    descriptor.async_wait(Descriptor::wait_write, [self = shared_from_this()](error_code ec) {
        self->flush_waits_ = false;
        if (!ec) self->flush();
    });
}

bool Core::send_corked()
{
    const bool all = ssl ? send_corked_tls() : send_corked_plain();
    if (out_error) out_.drop(out_.size()); // it can never be sent
    return all || out_error;
}

bool Core::send_corked_plain()
{
    Cork::Pieces pieces;
    const std::size_t count = out_.gather(pieces);
    out_.drop(send_now({pieces.data(), count}));
    // After a short send the socket is full: another call would only return EAGAIN.
    return unsent() == 0;
}

void Core::flush_soon()
{
    if (late_flush_posted_ || reader_flushes) return;
    late_flush_posted_ = true;
    late_flush(0);
}

void Core::late_flush(int hops)
{
    asio::post(executor, [self = shared_from_this(), hops] {
        if (self->unsent() != 0 && !self->reading && hops < late_flush_hops)
            return self->late_flush(hops + 1);
        self->late_flush_posted_ = false;
        self->flush();
    });
}

void Core::close()
{
    error_code ignored;
    if (descriptor.is_open()) descriptor.close(ignored);
    in_.release();
    in_begin_ = in_end_ = 0;
    out_.drop(out_.size());
}

void Core::shutdown_send()
{
    flush();
    if (!descriptor.is_open()) return;
    if (ssl && SSL_is_init_finished(ssl) && !out_error) {
        ERR_clear_error();
        SSL_shutdown(ssl); // our close_notify; the peer's may arrive with its FIN
        ERR_clear_error();
    }
    ::shutdown(descriptor.native_handle(), SHUT_WR);
}

} // namespace agenthost::host::net
