#include "error_text.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace agenthost::host {
namespace {

// Edits between two words: a letter inserted, removed, changed, or swapped with its neighbour ("qouta").
std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 0; i < a.size(); ++i) {
        next[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            next[j + 1] = std::min({row[j] + (a[i] == b[j] ? 0 : 1), next[j] + 1, row[j + 1] + 1});
            if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j])
                next[j + 1] = std::min(next[j + 1], before[j - 1] + 1);
        }
        before.swap(row);
        row.swap(next);
    }
    return row.back();
}

} // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates)
{
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    if (word.size() > 64) return {}; // too long to be a typing error
    for (const std::string_view candidate : candidates) {
        if (candidate.size() > 64) continue;
        const std::size_t d = distance(word, candidate);
        if (d < best_distance) {
            best_distance = d;
            best = candidate;
        }
    }
    return best;
}

std::string hint(std::string_view word, std::span<const std::string_view> candidates)
{
    if (candidates.empty()) return {};
    if (const std::string_view near = nearest(word, candidates); !near.empty())
        return "; did you mean " + quote(near) + "?";
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
