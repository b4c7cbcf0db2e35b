#include "units.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace agenthost::base {

namespace {

constexpr std::uint64_t max_size = 1ULL << 62;
constexpr std::uint64_t max_duration = 36'525ULL * 86'400'000; // 100 years, in ms

bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Quantity {
    std::uint64_t whole = 0;
    std::uint64_t millionths = 0; // of the fraction
    std::string unit;             // lower case

    // Times `factor`, rounded down; nullopt above `max`, and for a fraction of the smallest unit.
    [[nodiscard]] std::optional<std::uint64_t> times(std::uint64_t factor, std::uint64_t max) const
    {
        if (whole > max / factor || (millionths != 0 && factor == 1)) return std::nullopt;
        // A factor is at most 2^40.
        const std::uint64_t value = whole * factor + millionths * factor / 1'000'000;
        return value <= max ? std::optional{value} : std::nullopt;
    }
};

std::optional<Quantity> parse_quantity(std::string_view text)
{
    const auto end = text.data() + text.size();
    Quantity out;
    auto [at, error] = std::from_chars(text.data(), end, out.whole);
    if (error != std::errc{}) return std::nullopt;
    if (at != end && *at == '.') {
        const char* const first = ++at;
        std::uint64_t scale = 100'000;
        for (; at != end && is_digit(*at); ++at, scale /= 10)
            out.millionths += static_cast<std::uint64_t>(*at - '0') * scale;
        if (at == first) return std::nullopt;
    }
    while (at != end && *at == ' ') ++at;
    for (; at != end; ++at) {
        if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z'))) return std::nullopt;
        out.unit += static_cast<char>(*at | 0x20);
    }
    return out;
}

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};
constexpr std::array<Unit, 5> duration_units{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

// 0: not a unit of size.
std::uint64_t size_factor(std::string_view unit)
{
    if (unit.empty() || unit == "b") return 1;
    std::uint64_t factor = 1;
    for (const char prefix : {'k', 'm', 'g', 't'}) {
        factor <<= 10;
        if (unit[0] != prefix) continue;
        const std::string_view rest = unit.substr(1);
        return rest.empty() || rest == "b" || rest == "ib" ? factor : 0;
    }
    return 0;
}

} // namespace

std::optional<std::uint64_t> parse_size(std::string_view text, std::string& why)
{
    why = "a size such as 512KiB, 1MiB or 2GiB";
    const auto quantity = parse_quantity(text);
    const std::uint64_t factor = quantity ? size_factor(quantity->unit) : 0;
    return factor == 0 ? std::nullopt : quantity->times(factor, max_size);
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text, std::string& why)
{
    why = "a duration such as 500ms, 30s, 5m, 1h or 7d";
    const auto quantity = parse_quantity(text);
    if (!quantity) return std::nullopt;
    if (quantity->unit.empty()) {
        if (text.find_first_not_of("0.") == std::string_view::npos) return std::chrono::milliseconds{0};
        why += " (a unit is missing: " + std::string{text} + "s?)";
        return std::nullopt;
    }
    for (const Unit& unit : duration_units) {
        if (unit.name != quantity->unit) continue;
        const auto value = quantity->times(unit.factor, max_duration);
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

} // namespace agenthost::base
