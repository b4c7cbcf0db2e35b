#pragma once

#include <string>
#include <string_view>

namespace agenthost::test {

// Output as the engine sends it: the stream, three zero bytes, the length in big endian, the content.
inline std::string frame(char stream, std::string_view content)
{
    std::string out{stream, 0, 0, 0};
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(content.size() >> shift);
    return out += content;
}

} // namespace agenthost::test
