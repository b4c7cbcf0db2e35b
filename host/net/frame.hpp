// Builds WebSocket frames to send (RFC 6455, 5.2): the head and, for a client, the unpredictable payload
// mask. Pure, except for the keys, which come from the kernel's random number generator. Single-threaded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace agenthost::host::net {

using MaskKey = std::array<unsigned char, 4>;

// Copies and masks `size` bytes that start at offset `at` of the payload. `to` and `from` are equal or do not
// overlap. Returns true if all bytes written are ASCII.
bool copy_masked(char* to, const char* from, std::size_t size, const MaskKey&, std::size_t at);

// Returns a new key for every frame from a pool of random bytes. Throws std::system_error if the kernel
// returns none.
class MaskKeys {
public:
    MaskKey next();

private:
    std::array<MaskKey, 64> supply_{};
    std::size_t left_ = 0;
};

enum class Opcode : std::uint8_t { text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

// The head of an unfragmented message or a control frame. Clients mask their frames, servers do not.
class FrameHead {
public:
    FrameHead(Opcode, std::size_t payload, const MaskKey* mask = nullptr);
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }

private:
    std::array<char, 14> bytes_{};
    std::size_t size_ = 0;
};

} // namespace agenthost::host::net
