// Writes JSON strings and reads JSON integers, which are easy to get wrong. For anything else use a JSON
// library.
//
//     json_string("a\"b")                     "\"a\\\"b\""
//     json_integer(params.at("limit"))        3 for 3, 3.0 and 3e0; empty for 3.5 and "3"
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost {
namespace detail {

// Returns the length of the UTF-8 sequence at the start of `text`, or 0 if it is invalid (also if it is
// overlong or a surrogate).
inline std::size_t utf8_length(std::string_view text) noexcept
{
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto tail = [&](std::size_t i, unsigned char low = 0x80, unsigned char high = 0xbf) {
        return i < text.size() && at(i) >= low && at(i) <= high;
    };
    if (text.empty()) return 0;
    const unsigned char c = at(0);
    if (c < 0x80) return 1;
    if (c >= 0xc2 && c <= 0xdf) return tail(1) ? 2 : 0;
    if (c >= 0xe0 && c <= 0xef) {
        return tail(1, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf) && tail(2) ? 3 : 0;
    }
    if (c >= 0xf0 && c <= 0xf4) {
        return tail(1, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf) && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

} // namespace detail

// Quoted and escaped; a byte that is not UTF-8 becomes U+FFFD, so the result is always one valid JSON string.
inline std::string json_string(std::string_view text)
{
    static constexpr char hex[] = "0123456789abcdef";
    std::string out;
    out.reserve(text.size() + 2);
    out += '"';
    while (!text.empty()) {
        const char c = text[0];
        const std::size_t length = detail::utf8_length(text);
        if (length == 0)
            out += "\xef\xbf\xbd";
        else if (length > 1)
            out += text.substr(0, length);
        else if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (c == '\n')
            out += "\\n";
        else if (c == '\t')
            out += "\\t";
        else if (c == '\r')
            out += "\\r";
        else if (static_cast<unsigned char>(c) < 0x20)
            (((out += "\\u00") += hex[c >> 4]) += hex[c & 15]);
        else
            out += c;
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out += '"';
}

// The number as an integer, if it has no fraction and fits int64. The host's schema checker has the same rule
// for "integer": JSON does not distinguish 3 from 3.0 or 3e0, and some programs write all numbers with a
// fraction.
inline std::optional<std::int64_t> exact_integer(double number) noexcept
{
    if (!(number >= -9223372036854775808.0 && number < 9223372036854775808.0)) return std::nullopt;
    const auto integer = static_cast<std::int64_t>(number);
    if (static_cast<double>(integer) != number) return std::nullopt;
    return integer;
}

// Reads a value that a manifest declares as "integer" from a JSON library (nlohmann/json, or one with the
// same functions). Empty if it is not an integer. The library's own integer check would reject 3.0, which the
// host has accepted.
template <class Json> std::optional<std::int64_t> json_integer(const Json& value)
{
    if (value.is_number_float()) return exact_integer(value.template get<double>());
    if (value.is_number_unsigned() && value.template get<std::uint64_t>() > INT64_MAX) return std::nullopt;
    if (!value.is_number_integer()) return std::nullopt;
    return value.template get<std::int64_t>();
}

// The same with "minimum": 0.
template <class Json> std::optional<std::uint64_t> json_unsigned(const Json& value)
{
    const auto integer = json_integer(value);
    if (!integer || *integer < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*integer);
}

} // namespace agenthost
