// Cuts a text at each separator. Empty parts are kept, so there is always one part more than separators.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace agenthost::base {

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

} // namespace agenthost::base
