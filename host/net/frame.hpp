// The parts of a WebSocket frame that is sent (RFC 6455, 5.2): its head, and for a client the mask over its payload, which nobody can
// foresee. Pure but for the keys, which come from the kernel's random numbers. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace agenthost::host::net {

using MaskKey = std::array<unsigned char, 4>;

// Copies `size` bytes under the mask; `at`: where in the payload they begin. The two may be the same memory, and else do not overlap.
void copy_masked(char* to, const char* from, std::size_t size, const MaskKey&, std::size_t at);

// A new key for every frame, from a supply that is filled up now and then. Throws std::system_error when the kernel has none.
class MaskKeys {
public:
    MaskKey next();

private:
    std::array<MaskKey, 64> supply_{};
    std::size_t left_ = 0;
};

enum class Opcode : std::uint8_t { text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

// The head of a whole message, or of a control frame, in one frame. A client's frames have a mask, a server's have none.
class FrameHead {
public:
    FrameHead(Opcode, std::size_t payload, const MaskKey* mask = nullptr);
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }

private:
    std::array<char, 14> bytes_{};
    std::size_t size_ = 0;
};

} // namespace agenthost::host::net
