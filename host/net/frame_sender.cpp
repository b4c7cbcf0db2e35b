#include "frame_sender.hpp"

#include <utility>

namespace agenthost::host::net {
namespace {

// From this size a copy into the cork costs more than a system call.
constexpr std::size_t big_message = 32 * 1024;

const MaskKey* pointer(const std::optional<MaskKey>& mask) { return mask ? &*mask : nullptr; }

} // namespace

std::optional<MaskKey> FrameSender::new_mask()
{
    return masks_ ? std::optional{masks_->next()} : std::nullopt;
}

bool FrameSender::send(Stream& stream, Opcode opcode, std::string_view message)
{
    const std::optional<MaskKey> mask = new_mask();
    const FrameHead head{opcode, message.size(), pointer(mask)};
    if (message.size() < big_message && stream.write_frame(head.view(), message, pointer(mask))) return true;
    sending_.emplace(Message{.text = message, .head = head, .mask = mask});
    return go_on(stream);
}

bool FrameSender::try_send(Stream& stream, Opcode opcode, std::string_view message)
{
    const std::optional<MaskKey> mask = new_mask();
    const FrameHead head{opcode, message.size(), pointer(mask)};
    return stream.write_frame(head.view(), message, pointer(mask));
}

bool FrameSender::go_on(Stream& stream)
{
    Message& message = *sending_;
    if (!message.head_sent && !stream.write(message.head.view())) return false;
    message.head_sent = true;
    const std::string_view text = message.text;
    const bool past_cork = !message.mask && !stream.tls() && text.size() >= big_message;
    while (message.at < text.size()) {
        error_code ec;
        const std::size_t n = past_cork
                                  ? stream.write_now(text.data() + message.at, text.size() - message.at, ec)
                                  : stream.write_payload(text, message.at, pointer(message.mask));
        if (n == 0) return false;
        message.at += n;
    }
    sending_.reset();
    return true;
}

void FrameSender::keep(Opcode opcode, std::string payload)
{
    (opcode == Opcode::pong ? pong_ : opcode == Opcode::ping ? ping_ : close_) = std::move(payload);
}

bool FrameSender::send_control(Stream& stream, Opcode opcode, std::optional<std::string>& payload)
{
    if (!payload) return true;
    const std::optional<MaskKey> mask = new_mask();
    const FrameHead head{opcode, payload->size(), pointer(mask)};
    if (!stream.write_frame(head.view(), *payload, pointer(mask))) return false;
    if (opcode == Opcode::close) close_sent_ = true;
    payload.reset();
    return true;
}

bool FrameSender::send_controls(Stream& stream)
{
    return send_control(stream, Opcode::pong, pong_) && send_control(stream, Opcode::ping, ping_) &&
           send_control(stream, Opcode::close, close_);
}

} // namespace agenthost::host::net
