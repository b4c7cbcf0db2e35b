#include "denylist.hpp"

#include "base/glob.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace agenthost::docker::files {

namespace {

constexpr auto none = std::string_view::npos;

std::vector<std::string_view> names_in(std::string_view path)
{
    std::vector<std::string_view> names;
    while (!path.empty()) {
        const auto slash = std::min(path.find('/'), path.size());
        if (slash > 0) names.push_back(path.substr(0, slash));
        path.remove_prefix(std::min(slash + 1, path.size()));
    }
    return names;
}

// What one element of a pattern, such as `?`, `[a-z]` or `\*`, says of a character.
struct Element {
    std::size_t length; // in the pattern
    bool matches;
};

// A set without its end is the character [ itself.
std::optional<Element> set_at(std::string_view pattern, std::size_t at, char c)
{
    std::size_t i = at + 1;
    const bool inverted = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
    if (inverted) ++i;
    bool found = false;
    for (const std::size_t first = i; i < pattern.size() && (pattern[i] != ']' || i == first); ++i) {
        if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
        const auto low = static_cast<unsigned char>(pattern[i]);
        auto high = low;
        if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
            high = static_cast<unsigned char>(pattern[i + 2]);
            i += 2;
        }
        const auto byte = static_cast<unsigned char>(c);
        found = found || (low <= byte && byte <= high);
    }
    if (i >= pattern.size()) return std::nullopt;
    return Element{i + 1 - at, found != inverted};
}

Element element_at(std::string_view pattern, std::size_t at, char c)
{
    if (pattern[at] == '?') return {1, true};
    if (pattern[at] == '[')
        if (const auto set = set_at(pattern, at, c)) return *set;
    if (pattern[at] == '\\' && at + 1 < pattern.size()) return {2, pattern[at + 1] == c};
    return {1, pattern[at] == c};
}

bool name_matches(std::string_view pattern, std::string_view name)
{
    return base::match_bytes(pattern, name, [&](std::size_t p, std::size_t t) -> std::size_t {
        const Element element = element_at(pattern, p, name[t]);
        return element.matches ? element.length : 0;
    });
}

} // namespace

Denylist::Denylist(std::vector<std::string> patterns) : patterns_{std::move(patterns)}
{
    for (const std::string& pattern : patterns_) {
        std::string_view text = pattern;
        Rule rule;
        if (text.starts_with('#')) continue;
        if ((rule.allows = text.starts_with('!'))) text.remove_prefix(1);
        if (text.starts_with("./")) text.remove_prefix(1);
        // Trailing spaces are ignored, unless they are escaped.
        while (text.ends_with(' ') && !text.ends_with("\\ ")) text.remove_suffix(1);
        while (text.ends_with('/')) text.remove_suffix(1);
        rule.any_depth = text.find('/') == none;
        for (const std::string_view name : names_in(text)) rule.names.emplace_back(name);
        if (!rule.names.empty()) rules_.push_back(std::move(rule));
    }
}

bool Denylist::matches(const Rule& rule, std::size_t count, const std::vector<std::string_view>& path,
                       std::size_t length)
{
    const auto& names = rule.names;
    if (rule.any_depth) return name_matches(names.front(), path[length - 1]);
    // "a/**" covers everything in a, but not a itself.
    return base::match_stars(
               count, length, [&](std::size_t p) { return names[p] == "**"; },
               [&](std::size_t p, std::size_t t) -> std::size_t {
                   return name_matches(names[p], path[t]) ? 1 : 0;
               }) == count;
}

bool Denylist::covers(std::string_view path) const
{
    if (rules_.empty()) return false;
    const auto names = names_in(path);
    for (std::size_t length = 1; length <= names.size(); ++length) {
        const auto last = std::find_if(rules_.rbegin(), rules_.rend(), [&](const Rule& rule) {
            return matches(rule, rule.names.size(), names, length);
        });
        if (last != rules_.rend() && !last->allows) return true;
    }
    return false;
}

bool Denylist::is_above_denied(std::string_view path) const
{
    const auto names = names_in(path);
    return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
        if (rule.any_depth || rule.allows) return false;
        // What leading ** stand for may be any other path as well.
        std::size_t count = 0;
        while (count < rule.names.size() && rule.names[count] == "**") ++count;
        for (++count; count < rule.names.size(); ++count)
            if (matches(rule, count, names, names.size())) return true;
        return false;
    });
}

} // namespace agenthost::docker::files
