// Matches against patterns in which a star stands for any number of elements. In time proportional to both
// lengths, whatever the pattern: fnmatch() needs exponential time for some. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace agenthost::base {

// The position in the pattern once all of the text is matched; npos: no match. `match(p, t)`: how many
// positions of the pattern the element of the text at `t` matches, 0 for none. Stars that are left after the
// position are the caller's concern.
template <class IsStar, class Match>
std::size_t match_stars(std::size_t pattern_size, std::size_t text_size, IsStar is_star, Match match)
{
    constexpr auto none = std::string_view::npos;
    std::size_t p = 0, t = 0;
    std::size_t star = none, from = 0; // the last star and the text it may begin to cover
    while (t < text_size) {
        if (p < pattern_size && is_star(p)) {
            star = p++;
            from = t;
        } else if (const std::size_t taken = p < pattern_size ? match(p, t) : 0; taken > 0) {
            p += taken;
            ++t;
        } else if (star != none) { // what an earlier star covers need never change
            p = star + 1;
            t = ++from;
        } else {
            return none;
        }
    }
    return p;
}

// The same for bytes. Stars at the end of the pattern may match nothing.
template <class Match> bool match_bytes(std::string_view pattern, std::string_view text, Match match)
{
    const auto is_star = [&](std::size_t p) { return pattern[p] == '*'; };
    const std::size_t end = match_stars(pattern.size(), text.size(), is_star, match);
    return end <= pattern.size() && pattern.find_first_not_of('*', end) == std::string_view::npos;
}

// A shell pattern: * matches any bytes (including slashes), ? matches one.
inline bool glob_matches(std::string_view pattern, std::string_view text)
{
    return match_bytes(pattern, text, [&](std::size_t p, std::size_t t) -> std::size_t {
        return pattern[p] == '?' || pattern[p] == text[t] ? 1 : 0;
    });
}

} // namespace agenthost::base
