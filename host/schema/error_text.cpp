#include "error_text.hpp"

#include "base/suggestion.hpp"

#include <algorithm>

namespace agenthost::host {

std::string hint(std::string_view word, std::span<const std::string_view> candidates)
{
    if (candidates.empty()) return {};
    if (std::string meant = base::did_you_mean(word, candidates); !meant.empty()) return meant;
    std::string out = "; known are ";
    for (std::size_t i = 0; i < candidates.size() && i < 8; ++i) {
        if (i) out += ", ";
        out += quote(candidates[i]);
    }
    if (candidates.size() > 8) out += ", ...";
    return out;
}

std::string sentence(std::string text)
{
    if (!text.empty() && !text.ends_with('.') && !text.ends_with('?') && !text.ends_with('!')) text += '.';
    return text;
}

std::string quote(std::string_view text, std::size_t max)
{
    std::string out = "\"";
    std::size_t end = std::min(text.size(), max);
    while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    for (const char c : text.substr(0, end))
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    if (end < text.size()) out += "...";
    out += '"';
    return out;
}

} // namespace agenthost::host
