#include "api_version.hpp"

#include "netclient/url.hpp"

#include <algorithm>
#include <charconv>

namespace agenthost::docker::engine {

std::optional<ApiVersion> read_api_version(std::string_view text)
{
    ApiVersion version;
    const char* const end = text.data() + text.size();
    const auto [dot, error] = std::from_chars(text.data(), end, version.major);
    if (error != std::errc{} || dot == end || *dot != '.') return std::nullopt;
    const auto [last, minor_error] = std::from_chars(dot + 1, end, version.minor);
    if (minor_error != std::errc{} || last != end || version.major < 0 || version.minor < 0)
        return std::nullopt;
    return version;
}

std::optional<ApiVersion> choose_api(std::string_view offered, std::string_view oldest, std::string& why)
{
    const auto newest_of_engine = read_api_version(offered);
    if (!newest_of_engine) {
        why = "the engine names no API version (\"" + netclient::printable(offered, 40) + "\")";
        return std::nullopt;
    }
    if (*newest_of_engine < oldest_api) {
        why = "the engine offers API " + newest_of_engine->text() + ", and agenthost needs at least " +
              oldest_api.text();
        return std::nullopt;
    }
    const auto oldest_of_engine = read_api_version(oldest);
    if (oldest_of_engine && *oldest_of_engine > newest_api) {
        why = "the engine needs at least API " + oldest_of_engine->text() + ", and agenthost knows at most " +
              newest_api.text();
        return std::nullopt;
    }
    return std::min(*newest_of_engine, newest_api);
}

} // namespace agenthost::docker::engine
