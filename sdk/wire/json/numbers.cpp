#include "numbers.hpp"

#include "canonical.hpp"

#include <cmath>

namespace agenthost::wire {
namespace {

constexpr double max_whole = 9007199254740992.0; // beyond it a double skips numbers
constexpr double last_time = 8.64e15;            // the end of ECMAScript's time
constexpr std::uint64_t max_timeout = 366ull * 24 * 3600 * 1000;

} // namespace

bool read_whole(const json::Member& member, std::uint64_t& out)
{
    const double value = member.kind == json::Kind::number ? json::number(member.raw) : -1;
    if (!(value >= 0 && value <= max_whole) || value != std::floor(value)) return false;
    out = static_cast<std::uint64_t>(value);
    return true;
}

bool read_time(const json::Member& member, std::int64_t& out)
{
    const double value = member.kind == json::Kind::number ? json::number(member.raw) : -1;
    if (!(value >= 0 && value <= last_time)) return false;
    out = static_cast<std::int64_t>(value);
    return true;
}

bool read_timeout(const json::Member* member, std::optional<milliseconds>& out)
{
    if (!member || member->kind == json::Kind::null) return true;
    std::uint64_t value = 0;
    if (!read_whole(*member, value) || value > max_timeout) return false;
    if (value > 0) out = milliseconds{static_cast<milliseconds::rep>(value)};
    return true;
}

} // namespace agenthost::wire
