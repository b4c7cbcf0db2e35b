#include "utf8_pieces.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace agenthost::host::net {
namespace {

unsigned char byte(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }

// Length of the code point that begins with this byte; 0: invalid first byte.
std::size_t length_of(unsigned char first)
{
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return 2;
    if (first >= 0xE0 && first <= 0xEF) return 3;
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

// True if this is an incomplete but valid prefix of a code point. Overlong forms, surrogates and values above
// U+10FFFF are detectable at the second byte.
bool begins_code_point(std::string_view text)
{
    const unsigned char first = byte(text, 0);
    if (text.size() >= length_of(first)) return false;
    for (std::size_t i = 1; i < text.size(); ++i)
        if ((byte(text, i) & 0xC0) != 0x80) return false;
    if (text.size() == 1) return true;
    const unsigned char second = byte(text, 1);
    switch (first) {
    case 0xE0: return second >= 0xA0;
    case 0xED: return second <= 0x9F;
    case 0xF0: return second >= 0x90;
    case 0xF4: return second <= 0x8F;
    default: return true;
    }
}

// Number of bytes at the end that belong to an incomplete code point, assuming valid UTF-8.
std::size_t unfinished(std::string_view text)
{
    for (std::size_t n = 1; n <= std::min<std::size_t>(3, text.size()); ++n) {
        const unsigned char c = byte(text, text.size() - n);
        if ((c & 0xC0) == 0x80) continue;
        return length_of(c) > n ? n : 0;
    }
    return 0;
}

} // namespace

bool Utf8Pieces::finish_code_point(std::string_view& piece)
{
    const std::size_t need = length_of(static_cast<unsigned char>(begun_[0]));
    const std::size_t n = std::min(need - size_, piece.size());
    std::memcpy(begun_.data() + size_, piece.data(), n);
    size_ += n;
    piece.remove_prefix(n);
    if (size_ < need) return begins_code_point({begun_.data(), size_});
    return simdjson::validate_utf8(begun_.data(), std::exchange(size_, 0));
}

bool Utf8Pieces::write(std::string_view piece)
{
    if (piece.empty()) return true;
    if (size_ != 0 && !finish_code_point(piece)) return false;
    const std::size_t rest = unfinished(piece);
    if (!simdjson::validate_utf8(piece.data(), piece.size() - rest)) return false;
    if (rest == 0) return true;
    const std::string_view begun = piece.substr(piece.size() - rest);
    if (!begins_code_point(begun)) return false;
    std::memcpy(begun_.data(), begun.data(), rest);
    size_ = rest;
    return true;
}

} // namespace agenthost::host::net
