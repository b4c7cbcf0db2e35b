#include "image_rules.hpp"

#include "base/glob.hpp"
#include "base/split.hpp"

#include <algorithm>

namespace agenthost::hub {

namespace {

// An image or a pattern with the defaults that engines assume: docker.io, library.
struct Reference {
    std::vector<std::string> parts; // the registry first
    std::string tag, digest;        // empty: not given
};

Reference parse(std::string_view text)
{
    Reference out;
    if (const auto at = text.find('@'); at != std::string_view::npos) {
        out.digest = text.substr(at + 1);
        text = text.substr(0, at);
    }
    const auto slash = text.rfind('/');
    if (const auto colon = text.rfind(':');
        colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
        out.tag = text.substr(colon + 1);
        text = text.substr(0, colon);
    }
    out.parts = base::split(text, "/");
    const std::string& first = out.parts.front();
    const bool registry =
        out.parts.size() > 1 && (first == "localhost" || first.find_first_of(".:") != std::string::npos);
    if (!registry) {
        if (out.parts.size() == 1) out.parts.insert(out.parts.begin(), "library");
        out.parts.insert(out.parts.begin(), "docker.io");
    }
    return out;
}

bool matches(const Reference& pattern, const Reference& image)
{
    const bool deep = pattern.parts.back() == "**";
    if (deep ? image.parts.size() < pattern.parts.size() : image.parts.size() != pattern.parts.size())
        return false;
    const std::size_t count = pattern.parts.size() - (deep ? 1 : 0);
    if (pattern.parts[0] != image.parts[0]) return false;
    for (std::size_t i = 1; i < count; ++i)
        if (!base::glob_matches(pattern.parts[i], image.parts[i])) return false;
    if (!pattern.digest.empty()) return image.digest == pattern.digest;
    if (pattern.tag.empty()) return true;
    return image.digest.empty() && base::glob_matches(pattern.tag, image.tag.empty() ? "latest" : image.tag);
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
