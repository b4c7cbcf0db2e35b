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
#include <sys/uio.h>

namespace agenthost::host::net {
namespace asio = boost::asio;

namespace {

error_code system_error(int code) { return {code, boost::system::system_category()}; }
error_code would_block() { return asio::error::would_block; }

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
    constexpr std::size_t direct = 16 * 1024; // from this size, read directly into the caller's buffer
    ec = {};
    std::size_t n = 0;
    if (unread() == 0 && size >= direct && !head_end_matched_) {
        n = receive(data, size, ec);
    } else {
        peek(ec);
        n = take(static_cast<char*>(data), up_to_head_end(size));
    }
    if (max_tail_ != 0 && n != 0) remember({static_cast<const char*>(data), n});
    return n;
}

std::size_t Core::up_to_head_end(std::size_t size)
{
    constexpr std::string_view empty_line = "\r\n\r\n";
    if (!head_end_matched_) return size;
    size = std::min(size, unread());
    for (std::size_t i = 0; i < size; ++i) {
        const char c = in_.data()[in_begin_ + i];
        std::uint8_t& matched = *head_end_matched_;
        matched = c == empty_line[matched] ? matched + 1 : c == '\r' ? 1 : 0;
        if (matched < empty_line.size()) continue;
        head_end_matched_.reset();
        return i + 1;
    }
    return size;
}

void Core::remember(std::string_view bytes)
{
    if (bytes.size() >= max_tail_) {
        tail_ = bytes.substr(bytes.size() - max_tail_);
        return;
    }
    if (const std::size_t size = tail_.size() + bytes.size(); size > max_tail_)
        tail_.erase(0, size - max_tail_);
    tail_ += bytes;
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

std::size_t Core::room() const
{
    const std::size_t blocks = (out_blocks - out_count_) * block_size;
    return out_count_ == 0 ? blocks
                           : blocks + block_size - out_[(out_first_ + out_count_ - 1) % out_blocks].end;
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

std::pair<char*, std::size_t> Core::out_space()
{
    OutBlock* last = out_count_ == 0 ? nullptr : &out_[(out_first_ + out_count_ - 1) % out_blocks];
    if (!last || last->end == block_size) {
        if (out_count_ == out_blocks) return {nullptr, 0};
        last = &out_[(out_first_ + out_count_++) % out_blocks];
        last->block.borrow();
        last->begin = last->end = 0;
    }
    return {last->block.data() + last->end, block_size - last->end};
}

void Core::corked(std::size_t n)
{
    out_[(out_first_ + out_count_ - 1) % out_blocks].end += static_cast<std::uint32_t>(n);
    out_size_ += n;
}

std::size_t Core::room_after_flush(std::size_t wanted)
{
    if (room() < wanted && !flush_waits_) flush();
    return room();
}

std::size_t Core::write_some(const void* data, std::size_t size, error_code& ec)
{
    ec = out_error;
    if (!ec && !descriptor.is_open()) ec = asio::error::bad_descriptor;
    if (ec) return 0;
    std::size_t total = 0;
    if (size > whole || room_after_flush(size) >= size) {
        while (total < size && room_after_flush(1) > 0) {
            const auto [to, space] = out_space();
            const std::size_t n = std::min(size - total, space);
            std::memcpy(to, static_cast<const char*>(data) + total, n);
            corked(n);
            total += n;
        }
    }
    if (out_size_ != 0) flush_soon();
    if (total == 0 && size != 0) ec = out_error ? out_error : would_block();
    return total;
}

// Copies into the last block or a new one. 0: all blocks are full.
std::size_t Core::cork_payload(std::string_view payload, std::size_t at, const MaskKey* mask)
{
    const auto [to, space] = out_space();
    const std::size_t n = std::min(space, payload.size() - at);
    if (mask)
        copy_masked(to, payload.data() + at, n, *mask, at);
    else if (n != 0)
        std::memcpy(to, payload.data() + at, n);
    corked(n);
    return n;
}

bool Core::write_frame(std::string_view head, std::string_view payload, const MaskKey* mask)
{
    if (out_error || !descriptor.is_open()) return false;
    const std::size_t size = head.size() + payload.size();
    if (room_after_flush(size) < size) return false;
    for (std::size_t done = 0; done < head.size();) done += cork_payload(head, done, nullptr);
    for (std::size_t done = 0; done < payload.size();) done += cork_payload(payload, done, mask);
    flush_soon();
    return true;
}

std::size_t Core::write_payload(std::string_view payload, std::size_t at, const MaskKey* mask)
{
    if (out_error || !descriptor.is_open()) return 0;
    const std::size_t from = at;
    while (at < payload.size() && room_after_flush(1) > 0) at += cork_payload(payload, at, mask);
    if (at != from) flush_soon();
    return at - from;
}

std::size_t Core::write_through(const void* data, std::size_t size, error_code& ec)
{
    flush();
    if (out_size_ != 0 || out_error || ssl || !descriptor.is_open()) return write_some(data, size, ec);
    for (;;) {
        const ssize_t n = ::send(descriptor.native_handle(), data, size, MSG_NOSIGNAL);
        if (n >= 0) {
            ec = {};
            bytes_out += static_cast<std::uint64_t>(n);
            return static_cast<std::size_t>(n);
        }
        if (errno == EINTR) continue;
        ec = errno == EAGAIN ? would_block() : system_error(errno);
        if (errno != EAGAIN) out_error = ec;
        return 0;
    }
}

void Core::flush()
{
    if (out_size_ == 0 || flush_waits_ || out_error || !descriptor.is_open()) return;
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
    if (out_error) sent(out_size_); // it can never be sent
    return all || out_error;
}

bool Core::send_corked_plain()
{
    while (out_size_ != 0) {
        iovec pieces[out_blocks];
        for (std::uint32_t i = 0; i < out_count_; ++i) {
            OutBlock& b = out_[(out_first_ + i) % out_blocks];
            pieces[i] = {b.block.data() + b.begin, b.end - b.begin};
        }
        msghdr message{};
        message.msg_iov = pieces;
        message.msg_iovlen = out_count_;
        const ssize_t n = ::sendmsg(descriptor.native_handle(), &message, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN) return false;
            out_error = system_error(errno);
            return false;
        }
        bytes_out += static_cast<std::uint64_t>(n);
        sent(static_cast<std::size_t>(n));
        if (out_size_ != 0)
            return false; // short send: the socket is full; another call would only return EAGAIN
    }
    return true;
}

void Core::sent(std::size_t n)
{
    out_size_ -= n;
    while (n != 0) {
        OutBlock& b = out_[out_first_];
        const std::size_t here = std::min<std::size_t>(n, b.end - b.begin);
        b.begin += static_cast<std::uint32_t>(here);
        n -= here;
        if (b.begin == b.end) {
            b.block.release();
            b.begin = b.end = 0;
            out_first_ = (out_first_ + 1) % out_blocks;
            --out_count_;
        }
    }
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
        if (self->out_size_ != 0 && !self->reading && hops < late_flush_hops)
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
    sent(out_size_);
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
