// Removes characters from both ends of a text: spaces and tabs, as HTTP and the configuration allow them, or
// those of another set.
#pragma once

#include <string_view>

namespace agenthost::base {

inline constexpr std::string_view blanks = " \t";
// The white space of JSON (RFC 8259, 2).
inline constexpr std::string_view json_space = " \t\r\n";

constexpr std::string_view trim_front(std::string_view text, std::string_view removed = blanks)
{
    const auto begin = text.find_first_not_of(removed);
    return begin == text.npos ? std::string_view{} : text.substr(begin);
}

constexpr std::string_view trim(std::string_view text, std::string_view removed = blanks)
{
    // npos + 1 is 0: nothing is kept.
    return trim_front(text.substr(0, text.find_last_not_of(removed) + 1), removed);
}

} // namespace agenthost::base
