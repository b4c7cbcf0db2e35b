#include "image_allow.hpp"

#include "refusal.hpp"

#include "base/glob.hpp"
#include "base/split.hpp"

#include <algorithm>

namespace agenthost::docker {

namespace {

constexpr std::size_t max_patterns = 256;

// The same text with each wildcard replaced by a letter, so that the parser of images checks the rest of it.
std::string without_stars(std::string_view text)
{
    std::string out{text};
    std::replace(out.begin(), out.end(), '*', 'x');
    return out;
}

// Where the registry ends; npos: the pattern has none.
std::size_t registry_end(std::string_view pattern)
{
    const auto slash = pattern.find('/');
    if (slash == std::string_view::npos) return slash;
    const std::string_view first = pattern.substr(0, slash);
    const bool named = first == "localhost" || first.find_first_of(".:") != std::string_view::npos;
    return named ? slash : std::string_view::npos;
}

} // namespace

void ImageAllowList::add(std::string_view text, std::string_view path)
{
    if (patterns_.size() >= max_patterns)
        refuse(path, "is one pattern more than " + std::to_string(max_patterns) + ".");
    Pattern pattern;
    if (text == "*") {
        pattern.everything = true;
    } else {
        const auto end = registry_end(text);
        if (end != std::string_view::npos && text.substr(0, end).find('*') != std::string_view::npos)
            refuse(path, "a registry has no wildcards. Add a pattern for each registry.");
        const ImageRef checked = parse_image(without_stars(text), path);
        pattern.registry = checked.registry;
        pattern.digest = checked.digest;
        std::string_view rest = end == std::string_view::npos ? text : text.substr(end + 1);
        rest = rest.substr(0, rest.find('@'));
        if (const auto colon = rest.find(':'); colon != std::string_view::npos) {
            pattern.tag = rest.substr(colon + 1);
            rest = rest.substr(0, colon);
        }
        pattern.parts = base::split(rest, "/");
        if (checked.repository.starts_with("library/") && pattern.parts.size() == 1)
            pattern.parts.insert(pattern.parts.begin(), "library");
        for (std::size_t i = 0; i + 1 < pattern.parts.size(); ++i)
            if (pattern.parts[i].find("**") != std::string::npos)
                refuse(path, "** may only be the last part of a pattern.");
    }
    patterns_.push_back(std::move(pattern));
    texts_.emplace_back(text);
}

bool ImageAllowList::matches(const Pattern& pattern, const ImageRef& image)
{
    if (pattern.everything) return true;
    if (pattern.registry != image.registry) return false;
    if (!pattern.digest.empty() && pattern.digest != image.digest) return false;
    if (!pattern.tag.empty() && pattern.digest.empty()) {
        if (!image.digest.empty() || !base::glob_matches(pattern.tag, image.tag)) return false;
    }
    const std::vector<std::string> parts = base::split(image.repository, "/");
    const bool deep = pattern.parts.back() == "**";
    if (deep ? parts.size() < pattern.parts.size() : parts.size() != pattern.parts.size()) return false;
    for (std::size_t i = 0; i < pattern.parts.size() - (deep ? 1 : 0); ++i)
        if (!base::glob_matches(pattern.parts[i], parts[i])) return false;
    return true;
}

bool ImageAllowList::allows(const ImageRef& image) const
{
    return std::any_of(patterns_.begin(), patterns_.end(),
                       [&](const Pattern& pattern) { return matches(pattern, image); });
}

std::string ImageAllowList::text() const
{
    std::string out;
    for (const std::string& text : texts_) out += (out.empty() ? "" : ", ") + text;
    return out;
}

} // namespace agenthost::docker
