#include "channel.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace agenthost::host::runner {

namespace {

constexpr std::size_t read_bytes = 64u << 10;
// Descriptors that were received before their frames.
constexpr std::size_t max_unclaimed_fds = 4 * max_blobs;

} // namespace

std::vector<int> Frame::raw_fds() const
{
    std::vector<int> out;
    out.reserve(fds.size());
    for (const base::Fd& fd : fds) out.push_back(fd.get());
    return out;
}

void Frame::release_fds()
{
    for (base::Fd& fd : fds) fd.release();
    fds.clear();
}

Channel::Channel(base::Fd socket)
    : socket_{std::move(socket)}, wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}, in_(read_bytes)
{}

std::int64_t Channel::write_some(std::string_view head, std::string_view body, std::span<const int> fds)
{
    std::array<iovec, 2> parts{iovec{const_cast<char*>(head.data()), head.size()},
                               iovec{const_cast<char*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * max_blobs)> control;
    if (!fds.empty()) {
        control.fill(0);
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
        cmsghdr* const ancillary = CMSG_FIRSTHDR(&message);
        ancillary->cmsg_level = SOL_SOCKET;
        ancillary->cmsg_type = SCM_RIGHTS;
        ancillary->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
        std::memcpy(CMSG_DATA(ancillary), fds.data(), sizeof(int) * fds.size());
    }
    for (;;) {
        const ssize_t n = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0) return n;
        if (errno == EINTR) continue;
        // ETOOMANYREFS: too many descriptors in flight; sending continues when they have arrived
        return errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS ? -1 : -2;
    }
}

Channel::Sent Channel::send(Kind kind, Type type, std::uint64_t id, std::string_view body,
                            std::span<const int> fds)
{
    if (body.size() > max_frame || fds.size() > max_blobs) return Sent::too_large;
    const Header header{static_cast<std::uint32_t>(body.size()), type, static_cast<std::uint16_t>(fds.size()),
                        id};
    const std::string_view head{reinterpret_cast<const char*>(&header), sizeof header};
    const std::scoped_lock lock{mutex_};
    if (gone_) return Sent::closed;
    if (!queue_.empty() && !flush_locked()) return Sent::closed;
    if (kind == Kind::bounded && queued_ > queue_bytes) return Sent::full;

    std::size_t sent = 0;
    if (queue_.empty()) {
        const std::int64_t n = write_some(head, body, fds);
        if (n == -2) return gone_ = true, Sent::closed;
        sent = n < 0 ? 0 : static_cast<std::size_t>(n);
        if (sent == head.size() + body.size()) return Sent::ok;
    }
    Waiting rest{.bytes = {}, .sent = sent, .fds = {}};
    rest.bytes.reserve(head.size() + body.size());
    rest.bytes.append(head).append(body);
    if (sent == 0) {
        for (const int fd : fds) {
            rest.fds.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
            if (!rest.fds.back()) return Sent::full; // out of descriptors
        }
    }
    queued_ += rest.bytes.size() - sent;
    queue_.push_back(std::move(rest));
    if (queued_ > 4 * queue_bytes + max_frame) { // it does not read at all
        gone_ = true;
        ::shutdown(socket_.get(), SHUT_RDWR);
        return Sent::closed;
    }
    wake();
    return Sent::ok;
}

bool Channel::flush_locked()
{
    while (!queue_.empty()) {
        Waiting& first = queue_.front();
        std::vector<int> fds;
        if (first.sent == 0) {
            for (const base::Fd& fd : first.fds) fds.push_back(fd.get());
        }
        const std::string_view rest = std::string_view{first.bytes}.substr(first.sent);
        const std::int64_t n = write_some(rest, {}, fds);
        if (n == -2) return gone_ = true, false;
        if (n < 0) return true;
        first.fds.clear();
        first.sent += static_cast<std::size_t>(n);
        queued_ -= static_cast<std::size_t>(n);
        if (first.sent < first.bytes.size()) return true;
        queue_.pop_front();
    }
    return true;
}

bool Channel::flush()
{
    const std::scoped_lock lock{mutex_};
    return !gone_ && flush_locked();
}

bool Channel::wants_write() const
{
    const std::scoped_lock lock{mutex_};
    return !queue_.empty();
}

void Channel::wake()
{
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
}

void Channel::drain_wake()
{
    std::uint64_t count = 0;
    (void)!::read(wake_.get(), &count, sizeof count);
}

void Channel::shut_down()
{
    const std::scoped_lock lock{mutex_};
    gone_ = true;
    ::shutdown(socket_.get(), SHUT_RDWR);
}

Channel::Got Channel::garbage(const char* why)
{
    why_ = why;
    return Got::garbage;
}

Channel::Got Channel::next(Frame& frame)
{
    frame.fds.clear();
    for (;;) {
        if (end_ - begin_ >= sizeof(Header)) {
            std::memcpy(&frame.header, in_.data() + begin_, sizeof(Header));
            if (frame.header.size > max_frame) return garbage("an oversized frame");
            if (frame.header.fds > max_blobs) return garbage("a frame with too many descriptors");
            const std::size_t whole = sizeof(Header) + frame.header.size;
            if (end_ - begin_ >= whole) {
                if (in_fds_.size() < frame.header.fds) return garbage("a frame without its descriptors");
                for (int i = 0; i < frame.header.fds; ++i) {
                    frame.fds.push_back(std::move(in_fds_.front()));
                    in_fds_.pop_front();
                }
                frame.body = {in_.data() + begin_ + sizeof(Header), frame.header.size};
                begin_ += whole;
                return Got::frame;
            }
            if (begin_ > 0) {
                std::memmove(in_.data(), in_.data() + begin_, end_ - begin_);
                end_ -= begin_;
                begin_ = 0;
            }
            if (in_.size() < whole)
                in_.resize(std::max(whole, std::min(in_.size() * 2, max_frame + sizeof(Header))));
        }
        if (!receive()) {
            if (truncated_ || in_fds_.size() > max_unclaimed_fds) return garbage("unclaimed descriptors");
            return closed_ ? Got::closed : Got::nothing;
        }
    }
}

bool Channel::receive()
{
    if (begin_ == end_) {
        begin_ = end_ = 0;
        if (in_.size() > 8 * read_bytes) in_ = std::vector<char>(read_bytes); // after a large frame
    } else if (end_ == in_.size()) {
        std::memmove(in_.data(), in_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    iovec part{in_.data() + end_, in_.size() - end_};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 253)> control;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t n = 0;
    do n = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n <= 0) {
        closed_ = n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
        return false;
    }
    for (cmsghdr* a = CMSG_FIRSTHDR(&message); a != nullptr; a = CMSG_NXTHDR(&message, a)) {
        if (a->cmsg_level != SOL_SOCKET || a->cmsg_type != SCM_RIGHTS) continue;
        for (std::size_t i = 0; i < (a->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(a) + i * sizeof(int), sizeof fd);
            in_fds_.emplace_back(fd);
        }
    }
    end_ += static_cast<std::size_t>(n);
    if ((message.msg_flags & MSG_CTRUNC) != 0) truncated_ = true;
    return !truncated_ && in_fds_.size() <= max_unclaimed_fds;
}

} // namespace agenthost::host::runner
