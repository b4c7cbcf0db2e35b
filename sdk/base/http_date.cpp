#include "http_date.hpp"

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
    if (at == months.npos || at % 3 != 0 || parts.tm_year < 1970 || parts.tm_mday < 1 || parts.tm_mday > 31 ||
        parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 60)
        return std::nullopt;
    parts.tm_mon = static_cast<int>(at / 3);
    parts.tm_year -= 1900;
    return static_cast<std::int64_t>(::timegm(&parts)) * 1000;
}

} // namespace agenthost::base
