#include "body_receiver.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cerrno>

#include <unistd.h>

namespace agenthost::host::listener {
namespace asio = boost::asio;

namespace {

// Reads of 64 to 256 KiB before the loop serves other connections.
constexpr int max_reads = 16;

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

BodyReceiver::BodyReceiver(const ConnectionContext& context, const Plan& plan, Owner& owner)
    : context_{context}, owner_{owner}, fd_{plan.fd}, offset_{plan.offset},
      max_{plan.fd < 0 ? std::min(plan.max, max_in_memory) : plan.max}, left_{plan.length}
{
    const std::uint64_t expected = left_.value_or(body_buffer_bytes);
    if (to_disk() && !too_large() && expected != 0)
        filling_.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(expected, body_buffer_bytes)));
}

void BodyReceiver::pump()
{
    // body_ended() may drop the owner's reference.
    const auto self = shared_from_this();
    for (int turn = 0; turn < max_reads; ++turn) {
        if (ended_ || over_) return;
        if (left_ ? *left_ == 0 : decoder_.done()) return end(AGH_OK);
        if (to_disk() && filling_.size == filling_.capacity) {
            if (busy_) return; // the disk is slower than the peer: on_disk() continues
            hand_to_disk();
        }
        error_code ec;
        if (fill(ec)) continue;
        if (ended_ || over_) return;
        if (ec != asio::error::would_block) return end(AGH_E_CLOSED);
        if (to_disk() && !busy_ && filling_.size >= body_buffer_bytes / 4)
            hand_to_disk(); // while the socket is empty
        waits_ = true;
        return owner_.wait_for_body();
    }
    context_.later([self] { self->pump(); });
}

// Returns the content of what the socket has now, copied to `to`. Nullopt: nothing (see ec), or the body has
// ended.
std::optional<std::string_view> BodyReceiver::read_into(char* to, std::size_t capacity, error_code& ec)
{
    net::Stream& stream = context_.stream;
    if (left_) {
        const std::size_t n =
            stream.read_now(to, static_cast<std::size_t>(std::min<std::uint64_t>(capacity, *left_)), ec);
        if (n == 0) return std::nullopt;
        *left_ -= n;
        return std::string_view{to, n};
    }
    const std::string_view in = stream.peek(ec);
    if (in.empty()) return std::nullopt;
    const auto step = decoder_.step(in.substr(0, capacity));
    std::copy(step.content.begin(), step.content.end(), to);
    const std::size_t size = step.content.size();
    stream.consume(step.taken);
    if (decoder_.failed() || got_ + size > max_) {
        end(AGH_E_INVALID);
        return std::nullopt;
    }
    return std::string_view{to, size};
}

// Reads what the socket has now. False: nothing (see ec), or the body has ended.
bool BodyReceiver::fill(error_code& ec)
{
    char direct[16 * 1024];
    const std::size_t capacity = to_disk() ? filling_.capacity - filling_.size : sizeof direct;
    const auto content = read_into(to_disk() ? filling_.data.get() + filling_.size : direct, capacity, ec);
    if (!content) return false;
    got_ += content->size();
    if (to_disk()) {
        filling_.size += content->size();
    } else {
        memory_.append(*content);
        sha_.update(*content);
    }
    return true;
}

void BodyReceiver::hand_to_disk()
{
    std::swap(filling_, writing_);
    filling_.size = 0;
    const bool more = left_ ? *left_ != 0 : true;
    if (more && !ended_) filling_.reserve(writing_.capacity);
    busy_ = true;
    BodyReceiver* const me = this; // kept alive by `then`
    context_.on_disk(
        [me] {
            me->sha_.update(me->writing_.data.get(), me->writing_.size);
            return write_all(me->fd_, me->writing_.data.get(), me->writing_.size, me->offset_);
        },
        [self = shared_from_this()](int error) { self->on_disk(error); });
}

void BodyReceiver::on_disk(int error)
{
    busy_ = false;
    const std::size_t written = writing_.size;
    offset_ += written;
    writing_.size = 0;
    if (error != 0) disk_error_ = error;
    if (!owner_.still_wanted()) return;
    if (ended_) return finish();
    if (disk_error_ != 0) return end(AGH_E_INTERNAL);
    landed_ += written;
    const bool go_on = owner_.body_landed(landed_);
    if (over_) return;
    if (!go_on) return end(AGH_E_INTERNAL);
    if (!waits_) pump();
}

void BodyReceiver::end(agh_status status)
{
    if (ended_ || over_) return;
    ended_ = true;
    status_ = status;
    if (!busy_) finish();
}

void BodyReceiver::finish()
{
    if (status_ == AGH_OK && disk_error_ == 0 && to_disk() && filling_.size != 0) return hand_to_disk();
    const auto self = shared_from_this();
    owner_.body_ended(drop());
}

ReceivedBody BodyReceiver::drop()
{
    over_ = true;
    ReceivedBody body;
    body.whole = ended_ && status_ == AGH_OK;
    body.status = body.whole && disk_error_ != 0 ? AGH_E_INTERNAL : status_;
    body.malformed = decoder_.failed();
    body.got = got_;
    body.digest = sha_.finish();
    body.memory = std::move(memory_);
    return body;
}

} // namespace agenthost::host::listener
