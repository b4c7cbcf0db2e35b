#include "suggestion.hpp"

#include "ascii.hpp"

#include <cstddef>
#include <limits>
#include <numeric>

namespace agenthost::base {

namespace {

constexpr std::size_t max_word = 64;

// Counts the letters to insert, remove, change or swap with their neighbour.
std::size_t edit_distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
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

std::string folded(std::string_view word)
{
    std::string out = to_lower(word);
    std::ranges::replace_if(
        out, [](char c) { return c == '-' || c == ' '; }, '_');
    return out;
}

} // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates)
{
    if (word.empty() || word.size() > max_word) return {};
    const std::string mine = folded(word);
    std::string_view best;
    std::size_t best_distance = std::numeric_limits<std::size_t>::max();
    for (const std::string_view candidate : candidates) {
        if (candidate.empty() || candidate.size() > max_word) continue;
        const std::string other = folded(candidate);
        const std::size_t shorter = std::min(mine.size(), other.size());
        std::size_t distance = edit_distance(mine, other);
        if (shorter >= 3 && (other.starts_with(mine) || mine.starts_with(other)))
            distance = std::min<std::size_t>(distance, 1);
        const bool similar = distance <= std::max<std::size_t>(1, shorter / 3) &&
                             distance < std::max(mine.size(), other.size());
        if (!similar || distance >= best_distance) continue;
        best = candidate;
        best_distance = distance;
    }
    return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates)
{
    const std::string_view near = nearest(word, candidates);
    return near.empty() ? std::string{} : "; did you mean \"" + std::string{near} + "\"?";
}

} // namespace agenthost::base
