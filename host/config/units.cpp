#include "units.hpp"

#include <algorithm>
#include <cctype>
#include <limits>

namespace agenthost::host::conf {

namespace {

// Edit distance: insertions, deletions, replacements and transpositions.
std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i)
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
            d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[a.size()][b.size()];
}

std::string folded(std::string_view word)
{
    std::string out;
    for (char c : word)
        out += c == '-' || c == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

} // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates)
{
    if (word.empty() || word.size() > 64) return {};
    const std::string mine = folded(word);
    std::string best;
    std::size_t best_distance = std::numeric_limits<std::size_t>::max();
    for (const std::string& candidate : candidates) {
        const std::string other = folded(candidate);
        std::size_t d = distance(mine, other);
        // A shortened or completed word ("dest", "desktop") also counts as similar.
        if (mine.size() >= 3 && other.size() >= 3 && (other.starts_with(mine) || mine.starts_with(other)))
            d = std::min<std::size_t>(d, 1);
        const std::size_t allowed = std::max<std::size_t>(1, std::min(mine.size(), other.size()) / 3);
        if (d <= allowed && d < best_distance && d < std::max(mine.size(), other.size())) {
            best = candidate;
            best_distance = d;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates)
{
    const std::string near = nearest(word, candidates);
    return near.empty() ? "" : "; did you mean \"" + near + "\"?";
}

} // namespace agenthost::host::conf
