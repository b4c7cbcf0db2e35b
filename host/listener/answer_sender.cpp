#include "answer_sender.hpp"

#include "netclient/chunked.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/sendfile.h>
#include <unistd.h>

namespace agenthost::host::listener {
namespace asio = boost::asio;

namespace {

constexpr std::size_t text_turn = 1 << 20; // the loop serves the others after this many bytes of a large text
constexpr std::size_t sendfile_turn =
    4 << 20; // a pool thread goes to the next connection after this many bytes

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

void AnswerSender::pump()
{
    const auto self = shared_from_this();
    if (over_ || !pump_text()) return;
    if (left_ == 0) return sent();
    if (place_.stream.tls())
        pump_file_tls();
    else
        pump_file();
}

void AnswerSender::sent()
{
    over_ = true;
    owner_.answer_sent();
}

void AnswerSender::failed()
{
    over_ = true;
    owner_.answer_failed();
}

void AnswerSender::wait_for_room()
{
    place_.stream.wait_writable([self = shared_from_this(), life = place_.life.lock()](error_code ec) {
        if (self->over_) return;
        if (ec) return self->failed();
        self->pump();
    });
}

// Small text collects in the cork, big text goes past it. False: wait.
bool AnswerSender::pump_text()
{
    net::Stream& stream = place_.stream;
    if (text_sent_ == 0 && text_.size() <= net::block_size && stream.write(text_)) {
        text_sent_ = text_.size();
        return true;
    }
    for (const std::size_t begin = text_sent_; text_sent_ < text_.size();) {
        if (text_sent_ - begin >= text_turn) {
            place_.later([self = shared_from_this()] { self->pump(); });
            return false;
        }
        error_code ec;
        const std::size_t n = std::min(text_.size() - text_sent_, text_turn);
        text_sent_ += stream.write_now(text_.data() + text_sent_, n, ec);
        if (ec == asio::error::would_block) {
            wait_for_room();
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
    net::Stream& stream = place_.stream;
    stream.flush();
    if (stream.unsent() != 0) { // the head goes first
        return stream.async_flush([self = shared_from_this(), life = place_.life.lock()](error_code ec) {
            if (self->over_) return;
            if (ec) return self->failed();
            self->pump();
        });
    }
    busy_ = true;
    place_.on_disk([socket = stream.native_handle(), fd = fd_.get(), offset = offset_,
                    left = left_] { return send_file(socket, fd, offset, left); },
                   [self = shared_from_this()](const Sent& sent) {
                       self->busy_ = false;
                       self->offset_ += sent.bytes;
                       self->left_ -= sent.bytes;
                       if (sent.bytes != 0) self->owner_.answer_moved();
                       if (!self->owner_.still_wanted()) return;
                       if (sent.broken) return self->failed();
                       if (sent.full) return self->wait_for_room();
                       self->pump();
                   });
}

void AnswerSender::read_ahead()
{
    const std::uint64_t ahead = now_.size - now_sent_;
    if (busy_ || next_.size != 0 || left_ <= ahead) return;
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(half_bytes, left_ - ahead));
    next_.reserve(n);
    busy_ = true;
    place_.on_disk(
        [fd = fd_.get(), to = next_.data.get(), n, at = offset_ + ahead] {
            ssize_t got = 0;
            do got = ::pread(fd, to, n, static_cast<off_t>(at));
            while (got < 0 && errno == EINTR);
            return got;
        },
        [self = shared_from_this()](ssize_t got) {
            self->busy_ = false;
            if (!self->owner_.still_wanted()) return;
            if (got <= 0) return self->failed(); // shorter than it was said to be
            self->next_.size = static_cast<std::size_t>(got);
            if (self->now_.size == self->now_sent_) self->pump();
        });
}

void AnswerSender::pump_file_tls()
{
    for (;;) {
        if (now_sent_ == now_.size) {
            if (busy_) return; // the pool is filling `next_`: its end comes back here
            now_.size = now_sent_ = 0;
            std::swap(now_, next_);
            read_ahead();
            if (now_.size == 0) return left_ == 0 ? sent() : void();
        }
        error_code ec;
        const std::size_t n = place_.stream.write_now(now_.data.get() + now_sent_, now_.size - now_sent_, ec);
        now_sent_ += n;
        offset_ += n;
        left_ -= n;
        if (ec == asio::error::would_block) return wait_for_room();
        if (ec) return failed();
    }
}

// --- an answer in pieces

void PieceSender::begin(std::string head)
{
    backlog_ = std::move(head);
    pump();
}

void PieceSender::add(std::string_view piece)
{
    if (over_) return;
    if (left_) {
        if (piece.size() > *left_) return failed();
        *left_ -= piece.size();
    }
    if (!piece.empty() && !head_only_) {
        if (coding_ == Coding::none)
            backlog_ += piece;
        else
            backlog_.append(netclient::chunk_head(piece.size())).append(piece).append("\r\n");
    }
    piece_bytes_ += piece.size();
    pump();
}

void PieceSender::end()
{
    if (ending_ || over_) return;
    if (left_.value_or(0) != 0) return failed(); // the peer must not take a part for the whole
    ending_ = true;
    if (coding_ == Coding::chunked && !head_only_) backlog_ += "0\r\n\r\n";
    pump();
}

void PieceSender::pump()
{
    if (waits_ || over_) return;
    const auto self = shared_from_this();
    net::Stream& stream = place_.stream;
    const std::size_t begin = sent_;
    while (sent_ < backlog_.size() && sent_ - begin < text_turn) {
        const std::size_t n = std::min(backlog_.size() - sent_, net::block_size);
        if (!stream.write({backlog_.data() + sent_, n})) break;
        sent_ += n;
    }
    if (stream.error()) return failed();
    if (sent_ < backlog_.size()) {
        waits_ = true;
        return stream.wait_writable([self, life = place_.life.lock()](error_code ec) {
            self->waits_ = false;
            if (self->over_) return;
            if (ec) return self->failed();
            self->pump();
        });
    }
    backlog_.clear();
    sent_ = 0;
    stream.flush();
    owner_.pieces_taken(std::exchange(piece_bytes_, 0));
    if (ending_) sent();
}

void PieceSender::sent()
{
    over_ = true;
    owner_.answer_sent();
}

void PieceSender::failed()
{
    over_ = true;
    owner_.answer_failed();
}

} // namespace agenthost::host::listener
