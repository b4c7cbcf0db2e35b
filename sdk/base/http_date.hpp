// Reads and writes the dates of HTTP headers (RFC 9110, 5.6.7), whatever the locale.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::base {

// "Fri, 20 Nov 2026 17:44:00 GMT"; milliseconds are cut off. Empty: a year that cannot be written.
std::string http_date(std::int64_t utc_ms);

// As UTC ms. nullopt: not such a date; the forms that RFC 9110 calls obsolete are not read.
std::optional<std::int64_t> parse_http_date(std::string_view);

} // namespace agenthost::base
