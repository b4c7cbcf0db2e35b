#include "errors.hpp"

#include "base/json_writer.hpp"
#include "base/utf8.hpp"

#include <algorithm>
#include <cstring>

namespace agenthost::host {
namespace {

// Replaces every byte that is not part of a valid UTF-8 sequence, in place.
void make_utf8(char* text, std::size_t size)
{
    for (std::size_t i = 0; i < size;) {
        const std::size_t n = base::utf8_length({text, size}, i);
        if (n == 0) text[i] = '?';
        i += std::max<std::size_t>(n, 1);
    }
}

void put(char* to, std::size_t capacity, std::string_view from)
{
    const std::size_t n = std::min(capacity - 1, from.size());
    std::memcpy(to, from.data(), n);
    to[n] = 0;
    make_utf8(to, n);
}

} // namespace

void fill_error(agh_error& error, agh_status status, std::string_view code, std::string_view text)
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
