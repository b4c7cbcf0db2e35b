#include "binary.hpp"

namespace agenthost::wire::print {

bool append_binary(std::string& out, std::string_view id, std::string_view bytes)
{
    if (id.empty() || id.size() > 255) return false;
    out.reserve(out.size() + 2 + id.size() + bytes.size());
    out += static_cast<char>(binary_version);
    out += static_cast<char>(static_cast<unsigned char>(id.size()));
    out.append(id).append(bytes);
    return true;
}

std::optional<BinaryFrame> read_binary(std::string_view frame)
{
    if (frame.size() < 3 || static_cast<unsigned char>(frame[0]) != binary_version) return std::nullopt;
    const std::size_t length = static_cast<unsigned char>(frame[1]);
    if (length == 0 || frame.size() < 2 + length) return std::nullopt;
    return BinaryFrame{frame.substr(2, length), frame.substr(2 + length)};
}

} // namespace agenthost::wire::print
