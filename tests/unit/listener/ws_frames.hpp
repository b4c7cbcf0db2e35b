// WebSocket frames by hand, so that a test can also send wrong ones.
#pragma once

#include "fixture.hpp"

#include <string>
#include <string_view>

namespace agenthost::test {

inline std::string frame(int opcode, std::string_view payload, bool fin = true, bool masked = true)
{
    std::string out;
    out += static_cast<char>((fin ? 0x80 : 0) | opcode);
    const char mask_bit = masked ? static_cast<char>(0x80) : 0;
    if (payload.size() < 126) {
        out += static_cast<char>(payload.size() | static_cast<unsigned char>(mask_bit));
    } else if (payload.size() < 65536) {
        out += static_cast<char>(126 | static_cast<unsigned char>(mask_bit));
        out += static_cast<char>(payload.size() >> 8);
        out += static_cast<char>(payload.size());
    } else {
        out += static_cast<char>(127 | static_cast<unsigned char>(mask_bit));
        for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(payload.size() >> shift);
    }
    static constexpr char key[] = "\x12\x34\x56\x78";
    if (masked) out.append(key, 4);
    for (std::size_t i = 0; i < payload.size(); ++i)
        out += masked ? static_cast<char>(payload[i] ^ key[i % 4]) : payload[i];
    return out;
}

struct Frame {
    int opcode = -1; // -1: the stream ended
    std::string payload;
    [[nodiscard]] int code() const
    {
        return payload.size() < 2
                   ? -1
                   : static_cast<unsigned char>(payload[0]) * 256 + static_cast<unsigned char>(payload[1]);
    }
};

inline Frame read_frame(Raw& raw)
{
    const std::string start = raw.take(2);
    if (start.size() < 2) return {};
    std::size_t size = static_cast<unsigned char>(start[1]) & 127;
    if (size >= 126) {
        const std::string more = raw.take(size == 126 ? 2 : 8);
        size = 0;
        for (const char c : more) size = size * 256 + static_cast<unsigned char>(c);
    }
    return {start[0] & 15, raw.take(size)};
}

// A request for a WebSocket.
inline std::string upgrade(std::string_view path, std::string_view more = {})
{
    return get(path, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
                         std::string{more});
}

} // namespace agenthost::test
