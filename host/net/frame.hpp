// The frames a WebSocket client sends (RFC 6455, 5.2): a head, and the payload under a mask that nobody can foresee. Pure but for the
// keys, which come from the kernel's random numbers. One thread.
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

// The head of a whole text message in one frame.
class TextHead {
public:
    TextHead(std::size_t payload, const MaskKey&);
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }

private:
    std::array<char, 14> bytes_{};
    std::size_t size_ = 0;
};

} // namespace agenthost::host::net
