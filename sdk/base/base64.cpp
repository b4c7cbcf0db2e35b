#include "base64.hpp"

#include <array>
#include <cstdint>

namespace agenthost::base {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::uint8_t no_digit = 0xFF;
constexpr auto values = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(no_digit);
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
    return table;
}();

} // namespace

void append_base64(std::string& out, std::string_view bytes)
{
    const auto at = [&](std::size_t i) -> std::uint32_t {
        return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0;
    };
    std::size_t end = out.size();
    out.resize(end + (bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::uint32_t three = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
        out[end++] = alphabet[three >> 18];
        out[end++] = alphabet[three >> 12 & 63];
        out[end++] = i + 1 < bytes.size() ? alphabet[three >> 6 & 63] : '=';
        out[end++] = i + 2 < bytes.size() ? alphabet[three & 63] : '=';
    }
}

bool append_from_base64(std::string& out, std::string_view text)
{
    if (text.ends_with('=') && text.size() % 4 != 0) return false;
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
    if (text.size() % 4 == 1) return false;
    const std::size_t before = out.size();
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const std::uint32_t value = values[static_cast<unsigned char>(c)];
        if (value == no_digit) {
            out.resize(before);
            return false;
        }
        bits = bits << 6 | value;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out += static_cast<char>(static_cast<unsigned char>(bits >> count & 0xFF));
    }
    return true;
}

std::string base64(std::string_view bytes)
{
    std::string text;
    append_base64(text, bytes);
    return text;
}

std::optional<std::string> from_base64(std::string_view text)
{
    std::string bytes;
    if (text.size() % 4 != 0 || !append_from_base64(bytes, text)) return std::nullopt;
    return bytes;
}

} // namespace agenthost::base
