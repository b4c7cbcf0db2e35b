// Matches a name or path against a shell pattern: * matches any bytes (including slashes), ? matches one. In
// time proportional to both lengths, whatever the pattern: fnmatch() needs exponential time for some. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace agenthost::base {

inline bool glob_matches(std::string_view pattern, std::string_view text)
{
    std::size_t p = 0, t = 0;
    std::size_t star = std::string_view::npos, from = 0; // the last * and the text it may begin to cover
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            from = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

} // namespace agenthost::base
