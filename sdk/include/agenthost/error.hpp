// Reports errors of a plugin: throw Error from the constructor, start() and configure(); in an action call
// Request::fail or throw. Exceptions never cross the ABI: the wrapper converts them to agh_error.
#pragma once

#include "abi.h"
#include "json.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace agenthost {

// `code` is a standard code (DISK_FULL), the text is for people: what, where, how to fix.
class Error : public std::runtime_error {
public:
    Error(std::string code, const std::string& text, agh_status status = AGH_E_INVALID)
        : std::runtime_error{text}, code_{std::move(code)}, status_{status}
    {}
    [[nodiscard]] const std::string& code() const noexcept { return code_; }
    [[nodiscard]] agh_status status() const noexcept { return status_; }

private:
    std::string code_;
    agh_status status_;
};

// AGH_E_BUSY -> "BUSY"; for messages.
inline std::string_view status_name(agh_status status) noexcept
{
    switch (status) {
    case AGH_OK: return "OK";
    case AGH_PENDING: return "PENDING";
    case AGH_E_INVALID: return "INVALID";
    case AGH_E_UNSUPPORTED: return "UNSUPPORTED";
    case AGH_E_STALE: return "STALE";
    case AGH_E_BUSY: return "BUSY";
    case AGH_E_DENIED: return "DENIED";
    case AGH_E_CANCELLED: return "CANCELLED";
    case AGH_E_DEADLINE: return "DEADLINE";
    case AGH_E_NOMEM: return "NOMEM";
    case AGH_E_NOT_FOUND: return "NOT_FOUND";
    case AGH_E_CLOSED: return "CLOSED";
    default: return "INTERNAL";
    }
}

namespace detail {

// Cut to the capacity, never inside a UTF-8 sequence; always NUL-terminated.
inline void copy_text(char* to, std::size_t capacity, std::string_view from) noexcept
{
    std::size_t size = std::min(from.size(), capacity - 1);
    if (size < from.size()) {
        while (size > 0 && (static_cast<unsigned char>(from[size]) & 0xc0) == 0x80) --size;
    }
    if (size > 0) std::memcpy(to, from.data(), size);
    to[size] = '\0';
}

// Fills the fields that the caller's struct has, and returns the status.
inline agh_status fill(agh_error* error, agh_status status, std::string_view code,
                       std::string_view text) noexcept
{
    if (error == nullptr || error->size < sizeof(agh_error)) return status;
    error->status = status;
    copy_text(error->code, sizeof error->code, code);
    copy_text(error->text, sizeof error->text, text);
    return status;
}

// The exception in flight as an agh_error. Call inside a catch block.
inline agh_status fill_from_exception(agh_error* error) noexcept
{
    try {
        throw;
    } catch (const Error& e) {
        return fill(error, e.status() < 0 ? e.status() : AGH_E_INTERNAL, e.code(), e.what());
    } catch (const std::bad_alloc&) {
        return fill(error, AGH_E_NOMEM, "INTERNAL", "out of memory");
    } catch (const std::exception& e) {
        return fill(error, AGH_E_INTERNAL, "INTERNAL", e.what());
    } catch (...) {
        return fill(error, AGH_E_INTERNAL, "INTERNAL",
                    "the plugin threw an exception that is not a std::exception");
    }
}

} // namespace detail

// The JSON of an error reply: {"code":..,"message":..,"detail":..}.
inline std::string error_json(std::string_view code, std::string_view message, std::string_view detail = {},
                              std::string_view data_json = {})
{
    std::string json = "{\"code\":" + json_string(code) + ",\"message\":" + json_string(message);
    if (!detail.empty()) json += ",\"detail\":" + json_string(detail);
    if (!data_json.empty()) json.append(",\"data\":").append(data_json);
    return json += '}';
}

} // namespace agenthost
