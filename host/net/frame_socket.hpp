// A WebSocket without extensions over a Stream, after its handshake: reads messages in place, answers pings,
// and closes as RFC 6455 requires. Its frames are parsed by a FrameReader and written by a FrameSender. Used
// by both ends; Beast handles connections that negotiated permessage-deflate.
//
// All calls and callbacks run on the Stream's executor. Owned by its user and by its own pending operations.
// The cork bounds unsent data: a message that does not fit is sent in pieces, and the caller keeps it until
// on_written(). If several pings wait for space, only the last is answered.
//
// One class, although it has more than 25 members: reading, sending and closing share one loop, because each
// decides whether the others go on.
#pragma once

#include "host/net/frame_reader.hpp"
#include "host/net/frame_sender.hpp"
#include "host/net/stream.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::host::net {

class FrameSocket : public std::enable_shared_from_this<FrameSocket> {
public:
    using Kind = FrameReader::Kind;

    class Owner {
    public:
        // A complete message; valid during the call.
        virtual void on_message(Kind, std::string_view) = 0;
        virtual void on_control(Kind, std::string_view) {}
        // The message for which send() returned false has been written.
        virtual void on_written() = 0;
        // All available input has been read and a wait for more follows, or as many messages that their
        // answers are to be sent before the next one is read.
        virtual void on_read_all() {}
        // The last call. error::closed: the closing handshake is complete, see close_code(). Another of
        // Beast's websocket errors: the peer violated the protocol and was sent a close frame. Any other
        // error: the connection was lost.
        virtual void on_end(error_code) = 0;

    protected:
        ~Owner() = default;
    };

    // `life` keeps `owner` alive; after it expires no callback runs.
    FrameSocket(Stream, FrameReader::Role, std::uint64_t max_message, Owner& owner, std::weak_ptr<void> life);

    // Starts reading, from the event loop.
    void start();
    // Pauses or resumes reading. Reading resumes automatically once our close frame is sent.
    void pause(bool);
    void set_max_message(std::uint64_t bytes) { reader_.set_max_message(bytes); }

    // Sends a complete message. False: still being sent; keep it and send no other until on_written(). Once a
    // close frame of ours is sent or waits, nothing more is sent: false, and no on_written() follows.
    [[nodiscard]] bool send(Opcode, std::string_view message);
    // The same, but sends nothing and returns false if the complete message does not fit.
    [[nodiscard]] bool try_send(Opcode, std::string_view message);
    [[nodiscard]] bool sending() const { return sender_.sending(); }
    void ping(std::string_view payload);
    // Starts the closing handshake after the message that is being sent.
    void close(std::uint16_t code, std::string_view reason);
    [[nodiscard]] bool close_sent() const { return sender_.close_sent(); }
    // The code of the peer's close frame; 0: it had none.
    [[nodiscard]] std::uint16_t close_code() const { return reader_.close_code(); }
    [[nodiscard]] const std::string& close_reason() const { return close_reason_; }
    // The bytes of the peer's protocol violation, for an error message; at most 2 KiB.
    [[nodiscard]] const std::string& seen_at_fault() const { return seen_at_fault_; }
    // True while on_message() calls are being made; on_read_all() follows.
    [[nodiscard]] bool reading() const { return serving_; }
    // No callback runs and nothing is sent after this. A message being handled stays valid until its handler
    // returns.
    void abort();

    [[nodiscard]] Stream& stream() { return stream_; }
    [[nodiscard]] const Stream& stream() const { return stream_; }

private:
    void serve_later();
    void serve();
    bool serve_one();
    void remember_fault(std::string_view bytes, std::size_t begun);
    void wait_for_input();
    void handle(const FrameReader::Found&);
    void closed_by_peer(std::string_view reason);
    void fail(error_code);
    void finish(error_code);
    [[nodiscard]] bool reads() const { return !over_ && !ending_ && (!paused_ || close_sent()); }
    [[nodiscard]] bool closing() const { return sender_.closing() || ending_; }

    void wait_for_space();
    void go_on_sending();
    void send_control(Opcode, std::string_view payload);
    void send_waiting_controls();
    void end_when_sent();

    Stream stream_;
    FrameReader reader_;
    FrameSender sender_;
    Owner* owner_;
    std::weak_ptr<void> life_;
    std::string close_reason_, seen_at_fault_;
    // Passed to on_end() once our close frame is sent.
    std::optional<error_code> ending_;
    bool paused_ = false, waits_for_input_ = false, waits_for_space_ = false, serving_ = false,
         serve_posted_ = false, shutting_down_ = false, over_ = false, aborted_ = false;
};

} // namespace agenthost::host::net
