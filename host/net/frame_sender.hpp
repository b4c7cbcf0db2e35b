// Writes WebSocket frames into the cork of a Stream: messages, control frames between them, and the close
// frame, which is the last one. Keeps frames that do not fit; never waits. Owned by a FrameSocket, on its
// thread.
//
//   if (!sender.send(stream, Opcode::text, message)) ...;   // wait for space, then go_on(), until it is true
#pragma once

#include "host/net/stream.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::host::net {

class FrameSender {
public:
    // Clients mask their frames.
    explicit FrameSender(bool masks) : masks_{masks ? std::make_unique<MaskKeys>() : nullptr} {}

    // Writes a complete message. False: not yet completely; keep it and send no other while sending().
    [[nodiscard]] bool send(Stream&, Opcode, std::string_view message);
    // The same, but false means that nothing was written because the complete message does not fit.
    [[nodiscard]] bool try_send(Stream&, Opcode, std::string_view message);
    // Continues the message that did not fit. False: no space.
    [[nodiscard]] bool go_on(Stream&);
    [[nodiscard]] bool sending() const { return sending_.has_value(); }

    // Keeps a control frame for send_controls(). It replaces one of its kind that still waits: only the last
    // of several pings is answered.
    void keep(Opcode, std::string payload);
    // Writes the control frames that wait; not in the middle of a message. False: no space.
    [[nodiscard]] bool send_controls(Stream&);
    [[nodiscard]] bool close_waits() const { return close_.has_value(); }
    [[nodiscard]] bool close_sent() const { return close_sent_; }
    // RFC 6455, 5.5.1: no data frame follows a close frame.
    [[nodiscard]] bool closing() const { return close_sent_ || close_; }

private:
    struct Message {
        std::string_view text;
        std::size_t at = 0;
        FrameHead head;
        std::optional<MaskKey> mask;
        bool head_sent = false;
    };

    [[nodiscard]] std::optional<MaskKey> new_mask();
    [[nodiscard]] bool send_control(Stream&, Opcode, std::optional<std::string>& payload);

    std::unique_ptr<MaskKeys> masks_;
    // The message that did not fit into the cork.
    std::optional<Message> sending_;
    // Payloads of control frames that wait for space or for the end of a message.
    std::optional<std::string> pong_, ping_, close_;
    bool close_sent_ = false;
};

} // namespace agenthost::host::net
