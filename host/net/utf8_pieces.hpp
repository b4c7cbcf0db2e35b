// Validates UTF-8 text that arrives in pieces split at any byte; fails at the first byte that no valid text
// can contain there.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace agenthost::host::net {

class Utf8Pieces {
public:
    // False: the input so far is not a prefix of any valid text.
    bool write(std::string_view piece);
    // True if the text may end here: no code point is incomplete.
    [[nodiscard]] bool complete() const { return size_ == 0; }
    void reset() { size_ = 0; }

private:
    bool finish_code_point(std::string_view& piece);

    // The received bytes of an incomplete code point.
    std::array<char, 4> begun_{};
    std::size_t size_ = 0;
};

} // namespace agenthost::host::net
