#include "iso8601.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace agenthost::base {
namespace {

using namespace std::chrono;

constexpr std::int64_t first = sys_days{year{0} / 1 / 1}.time_since_epoch() / milliseconds{1};
constexpr std::int64_t last = sys_days{year{10'000} / 1 / 1}.time_since_epoch() / milliseconds{1} - 1;

// Takes from the front of a text.
struct Reader {
    std::string_view left;

    bool one_of(std::string_view set)
    {
        if (left.empty() || set.find(left.front()) == set.npos) return false;
        left.remove_prefix(1);
        return true;
    }
    std::optional<int> digits(std::size_t count)
    {
        int value = 0;
        if (left.size() < count) return std::nullopt;
        const char* const end = left.data() + count;
        if (!std::all_of(left.data(), end, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
        std::from_chars(left.data(), end, value);
        left.remove_prefix(count);
        return value;
    }
    std::optional<int> fraction_ms() // at least one digit; what is finer is cut off
    {
        int value = 0, read = 0;
        for (; !left.empty() && left.front() >= '0' && left.front() <= '9'; ++read) {
            if (read < 3) value = value * 10 + (left.front() - '0');
            left.remove_prefix(1);
        }
        if (read == 0) return std::nullopt;
        for (; read < 3; ++read) value *= 10;
        return value;
    }
};

std::optional<minutes> zone(Reader& reader)
{
    if (reader.left.empty() || reader.one_of("Zz")) return minutes{0};
    const bool west = reader.left.front() == '-';
    if (!reader.one_of("+-")) return std::nullopt;
    const auto h = reader.digits(2);
    (void)reader.one_of(":");
    const auto m = reader.digits(2);
    if (!h || !m || *h > 23 || *m > 59) return std::nullopt;
    const minutes ahead = hours{*h} + minutes{*m};
    return west ? -ahead : ahead;
}

void append_time(std::string& out, std::int64_t utc_ms)
{
    const sys_time<milliseconds> time{milliseconds{std::clamp(utc_ms, first, last)}};
    const auto midnight = floor<days>(time);
    const year_month_day day{midnight};
    const hh_mm_ss clock{time - midnight};
    std::array<char, 24> text{};
    char* at = text.data();
    const auto number = [&](auto value, int digits, char after) {
        for (int i = digits - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
        at[digits] = after;
        at += digits + 1;
    };
    number(static_cast<int>(day.year()), 4, '-');
    number(static_cast<unsigned>(day.month()), 2, '-');
    number(static_cast<unsigned>(day.day()), 2, 'T');
    number(clock.hours().count(), 2, ':');
    number(clock.minutes().count(), 2, ':');
    number(clock.seconds().count(), 2, '.');
    number(clock.subseconds().count(), 3, 'Z');
    out.append(text.data(), text.size());
}

} // namespace

void append_iso8601(std::string& out, std::int64_t utc_ms)
{
    out += '"';
    append_time(out, utc_ms);
    out += '"';
}

std::string iso8601(std::int64_t utc_ms)
{
    std::string out;
    append_time(out, utc_ms);
    return out;
}

std::optional<std::int64_t> from_iso8601(std::string_view text)
{
    Reader reader{text};
    const auto y = reader.digits(4);
    if (!y || !reader.one_of("-")) return std::nullopt;
    const auto mo = reader.digits(2);
    if (!mo || !reader.one_of("-")) return std::nullopt;
    const auto d = reader.digits(2);
    if (!d || !reader.one_of("Tt ")) return std::nullopt;
    const auto h = reader.digits(2);
    if (!h || !reader.one_of(":")) return std::nullopt;
    const auto mi = reader.digits(2);
    std::optional<int> s{0}, ms{0};
    if (mi && reader.one_of(":")) s = reader.digits(2);
    if (s && reader.one_of(".,")) ms = reader.fraction_ms();
    if (!mi || !s || !ms || *h > 24 || *mi > 59 || *s > 60) return std::nullopt; // 60: a leap second
    const auto ahead = zone(reader);
    const year_month_day day{year{*y}, month{static_cast<unsigned>(*mo)},
                             std::chrono::day{static_cast<unsigned>(*d)}};
    if (!ahead || !reader.left.empty() || !day.ok()) return std::nullopt;
    const auto since = sys_days{day}.time_since_epoch() + hours{*h} + minutes{*mi} + seconds{*s} +
                       milliseconds{*ms} - *ahead;
    return duration_cast<milliseconds>(since).count();
}

} // namespace agenthost::base
