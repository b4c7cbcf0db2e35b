#include "answer_sender.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/sendfile.h>
#include <unistd.h>

namespace agenthost::host::listener {
namespace asio = boost::asio;

namespace {

// Bytes of a large text before the loop serves other connections.
constexpr std::size_t max_text_turn = 1 << 20;
// Bytes before a pool thread serves the next connection.
constexpr std::size_t max_sendfile_turn = 4 << 20;

struct Sent {
    std::uint64_t bytes = 0;
    bool full = false, broken = false;
};

Sent send_file(int socket, int file, std::uint64_t offset, std::uint64_t left)
{
    Sent sent;
    while (left != 0 && sent.bytes < max_sendfile_turn) {
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

void AnswerSender::pump()
{
    const auto self = shared_from_this();
    if (over() || !pump_text()) return;
    if (left_ == 0) return sent();
    if (context_.stream.tls())
        pump_file_tls();
    else
        pump_file();
}

// Small text goes through the cork, big text past it. False: the rest is sent later, or it failed.
bool AnswerSender::pump_text()
{
    net::Stream& stream = context_.stream;
    if (text_sent_ == 0 && text_.size() <= net::block_size && stream.write(text_)) {
        text_sent_ = text_.size();
        return true;
    }
    for (const std::size_t begin = text_sent_; text_sent_ < text_.size();) {
        if (text_sent_ - begin >= max_text_turn) {
            context_.later([this, self = shared_from_this()] { pump(); });
            return false;
        }
        error_code ec;
        const std::size_t n = std::min(text_.size() - text_sent_, max_text_turn);
        text_sent_ += stream.write_now(text_.data() + text_sent_, n, ec);
        if (ec == asio::error::would_block) {
            wait_for_space();
            return false;
        }
        if (ec) {
            failed();
            return false;
        }
    }
    return true;
}

void AnswerSender::pump_file()
{
    net::Stream& stream = context_.stream;
    stream.flush();
    if (stream.unsent() != 0) return wait_for_flush(); // the head goes first
    busy_ = true;
    context_.on_disk([socket = stream.native_handle(), fd = fd_.get(), offset = offset_,
                      left = left_] { return send_file(socket, fd, offset, left); },
                     [this, self = shared_from_this()](const Sent& part) {
                         busy_ = false;
                         offset_ += part.bytes;
                         left_ -= part.bytes;
                         if (part.bytes != 0) owner_.answer_moved();
                         if (!owner_.still_wanted()) return;
                         if (part.broken) return failed();
                         if (part.full) return wait_for_space();
                         pump();
                     });
}

void AnswerSender::read_ahead()
{
    const std::uint64_t ahead = now_.size - now_sent_;
    if (busy_ || next_.size != 0 || left_ <= ahead) return;
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(body_buffer_bytes, left_ - ahead));
    next_.reserve(n);
    busy_ = true;
    context_.on_disk(
        [fd = fd_.get(), to = next_.data.get(), n, at = offset_ + ahead] {
            ssize_t got = 0;
            do got = ::pread(fd, to, n, static_cast<off_t>(at));
            while (got < 0 && errno == EINTR);
            return got;
        },
        [this, self = shared_from_this()](ssize_t got) {
            busy_ = false;
            if (!owner_.still_wanted()) return;
            if (got <= 0) return failed(); // the file is shorter than announced
            next_.size = static_cast<std::size_t>(got);
            if (now_.size == now_sent_) pump();
        });
}

void AnswerSender::pump_file_tls()
{
    for (;;) {
        if (now_sent_ == now_.size) {
            if (busy_) return; // the pool fills `next_` and then continues here
            now_.size = now_sent_ = 0;
            std::swap(now_, next_);
            read_ahead();
            if (now_.size == 0) return left_ == 0 ? sent() : void();
        }
        error_code ec;
        const std::size_t n =
            context_.stream.write_now(now_.data.get() + now_sent_, now_.size - now_sent_, ec);
        now_sent_ += n;
        offset_ += n;
        left_ -= n;
        if (ec == asio::error::would_block) return wait_for_space();
        if (ec) return failed();
    }
}

} // namespace agenthost::host::listener
