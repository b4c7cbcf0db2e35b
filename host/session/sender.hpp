// Encodes messages for the peer and queues their frames, within limits.send_queue and the size of a frame
// that the server accepts. A message that the protocol cannot express or that is too large is counted, and a
// result that is too large becomes an error that says so.
//
// No I/O. Main I/O thread. Owned by OutboundSession.
#pragma once

#include "host/session/frame_limit.hpp"
#include "host/session/outgoing.hpp"
#include "wire/codec.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace agenthost::host {

struct SessionStatus;

class Sender {
public:
    // limits.send_queue and limits.peer_message_bytes
    Sender(std::uint64_t send_queue, std::uint64_t peer_message_bytes)
        : outgoing_{send_queue}, limit_{peer_message_bytes}
    {}

    // Of a new connection.
    void use(std::unique_ptr<wire::AgentCodec> codec) { codec_ = std::move(codec); }
    [[nodiscard]] wire::AgentCodec& codec() { return *codec_; }
    // The connection has ended: nothing waits any more.
    void clear();

    enum class Added { yes, not_expressible, too_large };
    // Counts frames that are too large, but not messages that the protocol cannot express.
    template <class Message> Added add(const Message&, std::uint64_t row = 0);
    void add_frame(std::string_view frame) { outgoing_.append(frame); }
    // not_expressible: it counts as delivered with the next pong.
    Added add_result(const wire::Result&, std::uint64_t row);
    // After too_large: queues an error in place of the result. `replace(instead)`: the journal's copy becomes
    // this error as well. Never too_large.
    Added add_instead(const wire::Result&, std::uint64_t row,
                      const std::function<void(const wire::Result&)>& replace);
    void add_progress(const wire::Progress&);
    // A new status: queued in order. Their source limits their number.
    void add_step(const wire::Progress&);
    // In pieces that the server accepts. Output that the protocol cannot express is dropped: a command must
    // not wait forever to print.
    void add_stream(const wire::Stream&);
    void add_event(const wire::Event&);
    // A result that cannot be sent now.
    void drop() { ++dropped_; }

    // The next frame to write; empty: none.
    [[nodiscard]] std::string_view front() { return outgoing_.front(); }
    struct Written {
        std::size_t bytes;
        std::uint64_t row;
    };
    Written written()
    {
        ++frames_;
        const std::size_t bytes = outgoing_.front().size();
        return {bytes, outgoing_.pop()};
    }

    [[nodiscard]] bool empty() const { return outgoing_.empty(); }
    [[nodiscard]] bool takes_output() const { return outgoing_.takes_output(); }
    [[nodiscard]] bool takes_results() const { return outgoing_.takes_results(); }

    // True: the queue is full, and nothing more may be read until may_resume_reading().
    [[nodiscard]] bool must_pause_reading()
    {
        return outgoing_.over() && !std::exchange(reading_paused_, true);
    }
    [[nodiscard]] bool may_resume_reading()
    {
        return reading_paused_ && outgoing_.half_empty() && std::exchange(reading_paused_, false);
    }
    [[nodiscard]] bool reading_paused() const { return reading_paused_; }
    // A caller was refused and waits for writable(); true once when it is due.
    void writable_wanted(bool wanted) { writable_wanted_ = wanted; }
    [[nodiscard]] bool writable_due()
    {
        return writable_wanted_ && outgoing_.half_empty() && std::exchange(writable_wanted_, false);
    }

    // The peer closed because a frame of this size was too large: from now on only smaller ones are sent.
    // `row`: its row, or 0; `replace` as in add_instead(). Returns the reason, to follow the peer's URL.
    [[nodiscard]] std::string refused_by_peer(std::size_t bytes, std::uint64_t row,
                                              const std::function<void(const wire::Result&)>& replace);
    void add_to(SessionStatus&) const;

private:
    template <class Message> bool encode(const Message&, std::string& frame);

    std::unique_ptr<wire::AgentCodec> codec_;
    Outgoing outgoing_;
    FrameLimit limit_;
    // Of the last result that was too large.
    std::size_t refused_bytes_ = 0;
    bool reading_paused_ = false, writable_wanted_ = false;
    std::uint64_t frames_ = 0, dropped_ = 0, unspoken_ = 0, too_large_ = 0;
};

template <class Message> Sender::Added Sender::add(const Message& message, std::uint64_t row)
{
    bool fits = true;
    const bool added = outgoing_.add(
        [&](std::string& out) {
            const std::size_t before = out.size();
            if (!codec_->encode(message, out)) return false;
            fits = out.size() - before <= limit_.bytes();
            if (fits) return true;
            refused_bytes_ = out.size() - before;
            out.resize(before);
            return false;
        },
        row);
    if (added) return Added::yes;
    if (fits) return Added::not_expressible;
    ++too_large_;
    return Added::too_large;
}

} // namespace agenthost::host
