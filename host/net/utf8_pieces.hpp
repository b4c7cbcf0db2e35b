// Checks UTF-8 text that arrives in pieces, cut anywhere, and fails at the first byte that cannot be part of any valid text.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace agenthost::host::net {

class Utf8Pieces {
public:
    // False: what has come so far is not the beginning of any valid text.
    bool write(std::string_view piece);
    // The text may end here: no code point is unfinished.
    [[nodiscard]] bool complete() const { return size_ == 0; }
    void reset() { size_ = 0; }

private:
    bool finish_code_point(std::string_view& piece);

    // The beginning of a code point whose rest has not come.
    std::array<char, 4> begun_{};
    std::size_t size_ = 0;
};

} // namespace agenthost::host::net
