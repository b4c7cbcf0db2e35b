#include "stamp.hpp"

namespace agenthost::docker::engine {

namespace {

// Reads exactly `count` digits at `at` and moves it. -1: not digits.
int digits(std::string_view text, std::size_t& at, std::size_t count)
{
    if (text.size() < at + count) return -1;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const char c = text[at + i];
        if (c < '0' || c > '9') return -1;
        value = value * 10 + (c - '0');
    }
    at += count;
    return value;
}

bool skip(std::string_view text, std::size_t& at, char c)
{
    if (at >= text.size() || text[at] != c) return false;
    ++at;
    return true;
}

// Days since 1970 of a proleptic Gregorian date (Howard Hinnant, days_from_civil).
std::int64_t days(int year, int month, int day)
{
    year -= month <= 2 ? 1 : 0;
    const int era = (year >= 0 ? year : year - 399) / 400;
    const int of_era = year - era * 400;
    const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const int in_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return std::int64_t{era} * 146097 + in_era - 719468;
}

// Seconds east of UTC. nullopt: no zone.
std::optional<int> zone(std::string_view text, std::size_t& at)
{
    if (skip(text, at, 'Z')) return 0;
    if (at >= text.size() || (text[at] != '+' && text[at] != '-')) return std::nullopt;
    const int sign = text[at++] == '-' ? -1 : 1;
    const int hours = digits(text, at, 2);
    if (hours < 0 || hours > 23 || !skip(text, at, ':')) return std::nullopt;
    const int minutes = digits(text, at, 2);
    if (minutes < 0 || minutes > 59) return std::nullopt;
    return sign * (hours * 3600 + minutes * 60);
}

} // namespace

std::optional<Stamp> read_stamp(std::string_view text)
{
    std::size_t at = 0;
    const int year = digits(text, at, 4);
    if (year < 1970 || year > 2261 || !skip(text, at, '-')) return std::nullopt;
    const int month = digits(text, at, 2);
    if (month < 1 || month > 12 || !skip(text, at, '-')) return std::nullopt;
    const int day = digits(text, at, 2);
    if (day < 1 || day > 31 || !skip(text, at, 'T')) return std::nullopt;
    const int hour = digits(text, at, 2);
    if (hour < 0 || hour > 23 || !skip(text, at, ':')) return std::nullopt;
    const int minute = digits(text, at, 2);
    if (minute < 0 || minute > 59 || !skip(text, at, ':')) return std::nullopt;
    const int second = digits(text, at, 2);
    if (second < 0 || second > 60) return std::nullopt;
    std::int64_t fraction = 0;
    if (skip(text, at, '.')) {
        int count = 0;
        for (; count < 9; ++count) {
            std::size_t next = at;
            const int one = digits(text, next, 1);
            if (one < 0) break;
            fraction = fraction * 10 + one;
            at = next;
        }
        if (count == 0) return std::nullopt;
        for (; count < 9; ++count) fraction *= 10;
    }
    const auto east = zone(text, at);
    if (!east) return std::nullopt;
    const std::int64_t seconds = days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - *east;
    if (seconds < 0) return std::nullopt;
    return Stamp{seconds * 1'000'000'000 + fraction, at};
}

std::int64_t stamp_ns(std::string_view text)
{
    const auto stamp = read_stamp(text);
    return stamp && stamp->size == text.size() ? stamp->ns : 0;
}

} // namespace agenthost::docker::engine
