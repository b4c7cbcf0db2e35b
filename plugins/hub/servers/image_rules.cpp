#include "image_rules.hpp"

#include <algorithm>

namespace agenthost::hub {

namespace {

// An image or a pattern with the defaults that engines assume: docker.io, library.
struct Reference {
    std::vector<std::string> parts; // the registry first
    std::string tag;                // empty: none given
    bool digest = false;
};

Reference parse(std::string_view text)
{
    Reference out;
    if (const auto at = text.find('@'); at != std::string_view::npos) {
        out.digest = true;
        text = text.substr(0, at);
    }
    const auto slash = text.rfind('/');
    if (const auto colon = text.rfind(':');
        colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
        out.tag = text.substr(colon + 1);
        text = text.substr(0, colon);
    }
    while (true) {
        const auto end = text.find('/');
        out.parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    const std::string& first = out.parts.front();
    const bool registry =
        out.parts.size() > 1 && (first == "localhost" || first.find_first_of(".:") != std::string::npos);
    if (!registry) {
        if (out.parts.size() == 1) out.parts.insert(out.parts.begin(), "library");
        out.parts.insert(out.parts.begin(), "docker.io");
    }
    return out;
}

bool glob(std::string_view pattern, std::string_view text)
{
    std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p, ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

bool matches(const Reference& pattern, const Reference& image)
{
    const bool deep = pattern.parts.back() == "**";
    if (deep ? image.parts.size() < pattern.parts.size() : image.parts.size() != pattern.parts.size())
        return false;
    const std::size_t count = pattern.parts.size() - (deep ? 1 : 0);
    if (pattern.parts[0] != image.parts[0]) return false;
    for (std::size_t i = 1; i < count; ++i)
        if (!glob(pattern.parts[i], image.parts[i])) return false;
    if (pattern.tag.empty()) return true;
    return !image.digest && glob(pattern.tag, image.tag.empty() ? "latest" : image.tag);
}

} // namespace

bool image_allowed(const std::vector<std::string>& patterns, std::string_view image)
{
    const Reference wanted = parse(image);
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
        return pattern == "*" || matches(parse(pattern), wanted);
    });
}

} // namespace agenthost::hub
