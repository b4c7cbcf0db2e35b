#include "errors.hpp"

#include "base/json_writer.hpp"

#include <algorithm>
#include <cstring>

namespace agenthost::host {
namespace {

// The length of the valid UTF-8 sequence at the start of `text`; 0: none.
std::size_t sequence(std::string_view text)
{
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
    };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    const std::size_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4) return 0;
    for (std::size_t i = 1; i < n; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) || // overlong, surrogate
        (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f))   // overlong, beyond U+10FFFF
        return 0;
    return n;
}

// Replaces in place every byte that is not part of a valid sequence.
void make_utf8(char* text, std::size_t size)
{
    for (std::size_t i = 0; i < size;) {
        const std::size_t n = sequence({text + i, size - i});
        if (n == 0) text[i] = '?';
        i += std::max<std::size_t>(n, 1);
    }
}

void put(char* to, std::size_t room, std::string_view from)
{
    const std::size_t n = std::min(room - 1, from.size());
    std::memcpy(to, from.data(), n);
    to[n] = 0;
    make_utf8(to, n);
}

} // namespace

void say(agh_error& error, agh_status status, std::string_view code, std::string_view text)
{
    error.status = status;
    put(error.code, sizeof error.code, code);
    put(error.text, sizeof error.text, text);
}

void tidy(agh_error& error)
{
    error.code[sizeof error.code - 1] = 0;
    error.text[sizeof error.text - 1] = 0;
    make_utf8(error.code, std::strlen(error.code));
    make_utf8(error.text, std::strlen(error.text));
}

std::string_view code_of(agh_status status)
{
    switch (status) {
    case AGH_E_INVALID: return "INVALID_REQUEST";
    case AGH_E_UNSUPPORTED: return "UNKNOWN_ACTION";
    case AGH_E_BUSY: return "BUSY";
    case AGH_E_DENIED: return "DENIED";
    case AGH_E_CANCELLED: return "CANCELLED";
    case AGH_E_DEADLINE: return "TIMEOUT";
    default: return "INTERNAL";
    }
}

std::string error_json(std::string_view code, std::string_view message)
{
    return base::json_object("code", code, "message", message);
}

} // namespace agenthost::host
