#include "words.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace agenthost::host {
namespace {

// Levenshtein; words longer than 64 bytes are nobody's typing error.
std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
        }
    }
    return row.back();
}

} // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates)
{
    std::string_view best;
    std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
    if (word.size() > 64) return {};
    for (const std::string_view candidate : candidates) {
        if (candidate.size() > 64) continue;
        const std::size_t d = distance(word, candidate);
        if (d < least) {
            least = d;
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

std::string quote(std::string_view text, std::size_t most)
{
    std::string out = "\"";
    std::size_t end = std::min(text.size(), most);
    while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    for (const char c : text.substr(0, end))
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    if (end < text.size()) out += "...";
    out += '"';
    return out;
}

} // namespace agenthost::host
