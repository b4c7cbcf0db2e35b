// Answers: inline text through the cork; a descriptor by sendfile() on the pool, or, with TLS, read ahead by the pool and encrypted
// on the I/O thread; and chunked streams.
#include "connection.hpp"

#include "host/listener/listener.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

namespace agenthost::host::listener {
namespace {

constexpr std::size_t text_turn = 1 << 20; // the loop serves the others after this many bytes of a large text
constexpr std::size_t sendfile_turn =
    4 << 20; // a pool thread goes to the next connection after this many bytes

bool bodiless(int status) { return status < 200 || status == 204 || status == 304; }

struct Sent {
    std::uint64_t bytes = 0;
    bool full = false, broken = false;
};

Sent send_file(int socket, int file, std::uint64_t offset, std::uint64_t left)
{
    Sent sent;
    while (left != 0 && sent.bytes < sendfile_turn) {
        auto at = static_cast<off_t>(offset + sent.bytes);
        const ssize_t n =
            ::sendfile(socket, file, &at, static_cast<std::size_t>(std::min<std::uint64_t>(left, 1 << 20)));
        if (n > 0) {
            sent.bytes += static_cast<std::uint64_t>(n);
            left -= static_cast<std::uint64_t>(n);
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else {
            sent.full = n < 0 && errno == EAGAIN;
            sent.broken = !sent.full;
            break;
        }
    }
    return sent;
}

} // namespace

std::string Connection::head_text(int status, const Headers& headers, std::optional<std::uint64_t> length,
                                  bool chunked) const
{
    std::string text = "HTTP/1.1 " + std::to_string(status) + ' ' + reason_phrase(status) + "\r\n";
    for (const auto& [name, value] : headers) text.append(name).append(": ").append(value).append("\r\n");
    if (length) text += "Content-Length: " + std::to_string(*length) + "\r\n";
    if (chunked) text += "Transfer-Encoding: chunked\r\n";
    if (!keep_alive_)
        text += "Connection: close\r\n";
    else if (http10_)
        text += "Connection: keep-alive\r\n";
    return text + "\r\n";
}

void Connection::do_answer(const ExchangePtr& exchange, Reply reply)
{
    if (exchange_ != exchange || state_ != State::pending) return;
    if (body_unread_) keep_alive_ = false;
    status_ = reply.status;
    const std::uint64_t length = reply.fd ? reply.length : reply.text.size();
    const bool silent = bodiless(reply.status);
    sending_ = std::make_unique<Sending>();
    sending_->text =
        head_text(reply.status, reply.headers, silent ? std::nullopt : std::optional{length}, false);
    if (!silent && !head_request_) {
        sending_->text += reply.text;
        if (reply.fd) {
            sending_->fd = std::move(reply.fd);
            sending_->offset = reply.offset;
            sending_->left = reply.length;
        }
    }
    enter(State::answering);
    pump_answer();
}

void Connection::pump_answer()
{
    if (state_ != State::answering || !sending_) return;
    if (!pump_text()) return;
    if (sending_->left == 0) return answered();
    if (stream_->tls())
        pump_file_tls();
    else
        pump_file();
}

// Small text collects in the cork, big text goes past it. False: wait.
bool Connection::pump_text()
{
    Sending& s = *sending_;
    if (s.text_sent == 0 && s.text.size() <= net::block_size && stream_->write(s.text)) {
        s.text_sent = s.text.size();
        return true;
    }
    for (const std::size_t begin = s.text_sent; s.text_sent < s.text.size();) {
        if (s.text_sent - begin >= text_turn) {
            later([this] { pump_answer(); });
            return false;
        }
        error_code ec;
        const std::size_t n = std::min(s.text.size() - s.text_sent, text_turn);
        s.text_sent += stream_->write_now(s.text.data() + s.text_sent, n, ec);
        if (ec == asio::error::would_block) {
            stream_->wait_writable([self = shared_from_this()](error_code failed) {
                if (self->state_ != State::answering) return;
                if (failed)
                    self->abort();
                else
                    self->pump_answer();
            });
            return false;
        }
        if (ec) {
            abort();
            return false;
        }
    }
    return true;
}

void Connection::pump_file()
{
    Sending& s = *sending_;
    stream_->flush();
    if (stream_->unsent() != 0) { // the head goes first
        return stream_->async_flush([self = shared_from_this()](error_code ec) {
            if (self->state_ != State::answering) return;
            if (ec)
                self->abort();
            else
                self->pump_answer();
        });
    }
    s.busy = true;
    server_->disk.run([self = shared_from_this(), &s, socket = stream_->native_handle()]() mutable {
        const Sent sent = send_file(socket, s.fd.get(), s.offset, s.left);
        auto& io = self->thread_->io; // the last reference must not be dropped here
        asio::post(io, [self = std::move(self), sent] {
            Sending& now = *self->sending_;
            now.busy = false;
            now.offset += sent.bytes;
            now.left -= sent.bytes;
            if (sent.bytes != 0) self->made_progress();
            if (self->abort_wanted_) return self->abort(self->status_);
            if (sent.broken) return self->abort();
            if (!sent.full) return self->pump_answer();
            self->stream_->wait_writable([self](error_code ec) {
                if (self->state_ != State::answering) return;
                if (ec)
                    self->abort();
                else
                    self->pump_answer();
            });
        });
    });
}

void Connection::read_ahead()
{
    Sending& s = *sending_;
    const std::uint64_t ahead = s.now.size - s.now_sent;
    if (s.busy || s.next.size != 0 || s.left <= ahead) return;
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(half_bytes, s.left - ahead));
    s.next.reserve(n);
    s.busy = true;
    server_->disk.run([self = shared_from_this(), &s, n, at = s.offset + ahead]() mutable {
        ssize_t got = 0;
        do got = ::pread(s.fd.get(), s.next.data.get(), n, static_cast<off_t>(at));
        while (got < 0 && errno == EINTR);
        auto& io = self->thread_->io;
        asio::post(io, [self = std::move(self), got] {
            Sending& now = *self->sending_;
            now.busy = false;
            if (self->abort_wanted_) return self->abort(self->status_);
            if (got <= 0) return self->abort(); // shorter than it was said to be
            now.next.size = static_cast<std::size_t>(got);
            if (now.now.size == now.now_sent) self->pump_answer();
        });
    });
}

void Connection::pump_file_tls()
{
    Sending& s = *sending_;
    for (;;) {
        if (s.now_sent == s.now.size) {
            if (s.busy) return; // the pool is filling `next`: its end comes back here
            s.now.size = s.now_sent = 0;
            std::swap(s.now, s.next);
            read_ahead();
            if (s.now.size == 0) return s.left == 0 ? answered() : void();
        }
        error_code ec;
        const std::size_t n = stream_->write_now(s.now.data.get() + s.now_sent, s.now.size - s.now_sent, ec);
        s.now_sent += n;
        s.offset += n;
        s.left -= n;
        if (ec == asio::error::would_block) {
            return stream_->wait_writable([self = shared_from_this()](error_code failed) {
                if (self->state_ != State::answering) return;
                if (failed)
                    self->abort();
                else
                    self->pump_answer();
            });
        }
        if (ec) return abort();
    }
}

void Connection::answered()
{
    const bool again = keep_alive_;
    finish_exchange(status_);
    if (state_ == State::closed) return;
    if (again)
        next_request();
    else
        linger();
}

// --- chunked streams

void Connection::do_begin(const ExchangePtr& exchange, int status, Headers headers, std::uint64_t length)
{
    if (exchange_ != exchange || state_ != State::pending) return;
    const bool known = length != Listeners::unknown_length;
    stream_left_ = known ? std::optional{length} : std::nullopt;
    if (body_unread_ || (http10_ && !known))
        keep_alive_ = false; // 1.0 has no chunks: the end is the end of the connection
    status_ = status;
    ending_ = false;
    enter(State::streaming);
    backlog_ = head_text(status, headers, stream_left_, !http10_ && !known);
    pump_backlog();
    if (state_ == State::streaming) watch_peer();
}

void Connection::do_chunk(const ExchangePtr& exchange, std::string data)
{
    if (exchange_ != exchange || state_ != State::streaming) return;
    if (stream_left_) {
        if (data.size() > *stream_left_) return abort();
        *stream_left_ -= data.size();
    }
    if (!data.empty() && !head_request_) {
        if (http10_ || stream_left_)
            backlog_ += data;
        else
            backlog_.append(netclient::chunk_head(data.size())).append(data).append("\r\n");
    }
    backlog_bytes_ += data.size();
    pump_backlog();
}

void Connection::do_end(const ExchangePtr& exchange)
{
    if (exchange_ != exchange || state_ != State::streaming || ending_) return;
    if (stream_left_.value_or(0) != 0) return abort(); // the peer must not take a part for the whole
    ending_ = true;
    if (!http10_ && !head_request_ && !stream_left_) backlog_ += "0\r\n\r\n";
    pump_backlog();
}

void Connection::pump_backlog()
{
    if (backlog_waits_) return;
    const std::size_t begin = backlog_sent_;
    while (backlog_sent_ < backlog_.size() && backlog_sent_ - begin < text_turn) {
        const std::size_t n = std::min(backlog_.size() - backlog_sent_, net::block_size);
        if (!stream_->write({backlog_.data() + backlog_sent_, n})) break;
        backlog_sent_ += n;
    }
    if (stream_->error()) return abort();
    if (backlog_sent_ < backlog_.size()) {
        backlog_waits_ = true;
        return stream_->wait_writable([self = shared_from_this()](error_code ec) {
            self->backlog_waits_ = false;
            if (self->state_ != State::streaming) return;
            if (ec) return self->abort();
            self->pump_backlog();
        });
    }
    backlog_.clear();
    backlog_sent_ = 0;
    stream_->flush();
    took(exchange_, std::exchange(backlog_bytes_, 0));
    if (ending_) answered();
}

} // namespace agenthost::host::listener
