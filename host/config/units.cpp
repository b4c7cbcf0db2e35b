#include "units.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

namespace agenthost::host::conf {

namespace {

struct Split {
    double number = 0;
    std::string unit; // lower case
    bool digits_only = false;
};

std::optional<Split> split(std::string_view text)
{
    const auto digits = text.find_first_not_of("0123456789.");
    const std::string_view number = text.substr(0, digits);
    std::string_view unit = digits == std::string_view::npos ? std::string_view{} : text.substr(digits);
    while (unit.starts_with(' ')) unit.remove_prefix(1);
    Split out;
    if (number.empty() || number.size() > 24) return std::nullopt;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), out.number);
    if (error != std::errc{} || end != number.data() + number.size()) return std::nullopt;
    for (char c : unit) {
        if (!std::isalpha(static_cast<unsigned char>(c))) return std::nullopt;
        out.unit += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    out.digits_only = number.find('.') == std::string_view::npos;
    return out;
}

// number * factor as a whole number, or nullopt when it has a fraction or does not fit.
std::optional<std::uint64_t> scaled(const Split& s, std::uint64_t factor)
{
    const double value = s.number * static_cast<double>(factor);
    if (value < 0 || value > 9e15 || value != std::floor(value))
        return std::nullopt; // 2^53: doubles are exact below
    return static_cast<std::uint64_t>(value);
}

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};
constexpr std::array<Unit, 5> duration_units{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

} // namespace

std::optional<std::uint64_t> parse_size(std::string_view text, std::string& why)
{
    why = "a size such as 512KiB, 1MiB or 2GiB";
    const auto parts = split(text);
    if (!parts) return std::nullopt;
    if (parts->unit.empty() || parts->unit == "b") return scaled(*parts, 1);
    std::uint64_t factor = 1;
    for (char prefix : {'k', 'm', 'g', 't'}) {
        factor <<= 10;
        if (parts->unit[0] != prefix) continue;
        const std::string_view rest = std::string_view{parts->unit}.substr(1);
        if (rest.empty() || rest == "b" || rest == "ib" || rest == "i") return scaled(*parts, factor);
    }
    return std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text, std::string& why)
{
    why = "a duration such as 500ms, 30s, 5m, 1h or 7d";
    const auto parts = split(text);
    if (!parts) return std::nullopt;
    if (parts->unit.empty()) {
        if (parts->number == 0) return std::chrono::milliseconds{0};
        why += " (a unit is missing: " + std::string{text} + "s?)";
        return std::nullopt;
    }
    for (const Unit& unit : duration_units) {
        if (unit.name != parts->unit) continue;
        const auto value = scaled(*parts, unit.factor);
        if (!value) return std::nullopt;
        return std::chrono::milliseconds{static_cast<std::int64_t>(*value)};
    }
    return std::nullopt;
}

std::string format_size(std::uint64_t bytes)
{
    static constexpr std::array<std::string_view, 5> names{"", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < names.size()) {
        bytes /= 1024;
        ++unit;
    }
    return std::to_string(bytes) + std::string{names[unit]};
}

std::string format_duration(std::chrono::milliseconds duration)
{
    const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration.count()));
    if (count == 0) return "0s";
    for (auto unit = duration_units.rbegin(); unit != duration_units.rend(); ++unit)
        if (count % unit->factor == 0) return std::to_string(count / unit->factor) + std::string{unit->name};
    return std::to_string(count) + "ms";
}

namespace {

// Insertions, deletions, replacements and swapped neighbours.
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
        // A word cut short or written in full ("dest", "desktop") is near as well.
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
