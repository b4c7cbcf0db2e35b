#include "http_date.hpp"

#include <chrono>
#include <cstdio>
#include <ctime>

namespace agenthost::base {

namespace {

constexpr std::string_view days = "SunMonTueWedThuFriSat";
constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";

} // namespace

std::string http_date(std::int64_t utc_ms)
{
    const std::time_t when = utc_ms / 1000;
    std::tm tm{};
    if (::gmtime_r(&when, &tm) == nullptr) return {};
    const std::string_view day = days.substr(3 * static_cast<std::size_t>(tm.tm_wday), 3),
                           month = months.substr(3 * static_cast<std::size_t>(tm.tm_mon), 3);
    char text[64];
    std::snprintf(text, sizeof text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", day.data(), tm.tm_mday,
                  month.data(), tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return text;
}

std::optional<std::int64_t> parse_http_date(std::string_view text)
{
    // By hand: strptime() would expect the locale's names.
    const std::string date{text.substr(0, 40)};
    std::tm parts{};
    char month[4] = "";
    int length = 0;
    if (std::sscanf(date.c_str(), "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &parts.tm_mday, month,
                    &parts.tm_year, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &length) != 6 ||
        static_cast<std::size_t>(length) != date.size())
        return std::nullopt;
    const std::size_t at = months.find(month);
    // sscanf() reads signs and blanks as parts of a number.
    const std::string_view numbers = std::string_view{date}.substr(date.find(',') + 2);
    const bool signs = numbers.find_first_of("+-") != numbers.npos;
    if (at == months.npos || at % 3 != 0 || signs || parts.tm_year < 1970 || parts.tm_mday < 1 ||
        parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 60)
        return std::nullopt;
    using namespace std::chrono;
    const year_month_day calendar{year{parts.tm_year}, std::chrono::month{static_cast<unsigned>(at / 3 + 1)},
                                  std::chrono::day{static_cast<unsigned>(parts.tm_mday)}};
    if (!calendar.ok()) return std::nullopt;
    const sys_seconds when =
        sys_days{calendar} + hours{parts.tm_hour} + minutes{parts.tm_min} + seconds{parts.tm_sec};
    return duration_cast<milliseconds>(when.time_since_epoch()).count();
}

} // namespace agenthost::base
