// Cuts text into parts or lines.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace agenthost::base {

// Cuts at each separator. Empty parts are kept, so there is always one part more than separators.
inline std::vector<std::string> split(std::string_view text, std::string_view separator)
{
    std::vector<std::string> parts;
    for (;;) {
        const auto end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + separator.size());
    }
}

// Removes the first line from the front of `text`, with its "\n", and returns it without.
inline std::string_view take_line(std::string_view& text)
{
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

} // namespace agenthost::base
