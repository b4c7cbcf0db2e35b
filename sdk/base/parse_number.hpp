// Reads a whole text as a number. nullopt: it is empty, has other characters, or does not fit into the type.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>

namespace agenthost::base {

// No sign for unsigned types, no "0x", no blanks.
template <std::integral Number> std::optional<Number> parse_number(std::string_view text, int base = 10)
{
    Number value{};
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, value, base);
    if (error != std::errc{} || end != last) return std::nullopt;
    return value;
}

} // namespace agenthost::base
