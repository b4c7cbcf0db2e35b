// Finds the empty line that ends an HTTP head in input split at any byte. A value; no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace agenthost::host::net {

class HeadEnd {
public:
    void look_for() { state_ = 0; }
    [[nodiscard]] bool wanted() const { return state_ != found; }
    // Returns the number of bytes up to and including the head's end, or all of them if it is not among them
    // or not wanted. After it has been found, wanted() is false.
    std::size_t up_to(std::string_view bytes)
    {
        constexpr std::string_view empty_line = "\r\n\r\n";
        for (std::size_t i = 0; wanted() && i < bytes.size(); ++i) {
            state_ = bytes[i] == empty_line[state_] ? state_ + 1 : bytes[i] == '\r' ? 1 : 0;
            if (state_ == empty_line.size()) {
                state_ = found;
                return i + 1;
            }
        }
        return bytes.size();
    }

private:
    static constexpr std::uint8_t found = 255;

    // Bytes of the empty line matched so far.
    std::uint8_t state_ = found;
};

} // namespace agenthost::host::net
