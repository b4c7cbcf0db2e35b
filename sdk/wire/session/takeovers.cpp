#include "takeovers.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace agenthost::wire {
namespace {

constexpr int normal = 1000, going_away = 1001, no_status = 1005, first_private = 4000;

// Sent by our hub once it has detected a conflict.
constexpr std::string_view identity_in_use = "identity in use";

// The pause in "...; retry in 40 s".
milliseconds asked_pause(std::string_view close_reason)
{
    constexpr std::string_view words = "retry in ";
    constexpr std::int64_t longest = 1200; // s; well within the time a conflict is remembered
    const std::size_t at = close_reason.find(words);
    if (at == close_reason.npos) return milliseconds{0};
    const std::string_view rest = close_reason.substr(at + words.size());
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), seconds);
    if (error != std::errc{} || seconds < 0) return milliseconds{0};
    return milliseconds{1000 * std::min(seconds, longest)};
}

// True for a close code that reports neither a bad frame nor a bad credential.
bool neutral(int code)
{
    return code == normal || code == going_away || code == no_status || code >= first_private;
}

} // namespace

bool Takeovers::says_replaced(std::string_view close_reason)
{
    // Phrases of servers: "replaced by a newer session", "superseded", "duplicate connection", "connected
    // elsewhere", ...
    constexpr std::array<std::string_view, 11> words{
        identity_in_use, "replaced",       "supersed",  "takeover",         "taken over",   "take over",
        "duplicate ",    "duplicate_conn", "elsewhere", "newer connection", "newer session"};
    const std::string lower = base::to_lower(close_reason.substr(0, 123)); // of a close frame
    if (lower == "duplicate" || lower == "conflict") return true;
    return std::ranges::any_of(words, [&](std::string_view word) { return lower.find(word) != lower.npos; });
}

void Takeovers::ended(std::int64_t now_ms, std::int64_t lasted_ms, int code, std::string_view close_reason)
{
    if (!recent(now_ms)) replaced_ = short_ = 0;
    asked_ = milliseconds{0};
    if (code != 0 && says_replaced(close_reason)) {
        ++replaced_;
        if (close_reason.find(identity_in_use) != close_reason.npos) replaced_ = std::max(replaced_, 2);
        asked_ = asked_pause(close_reason);
        last_ = now_ms;
    } else if (neutral(code) && lasted_ms < short_session) {
        ++short_;
        last_ = now_ms;
    } else if (lasted_ms >= short_session) {
        short_ = 0;
    }
}

milliseconds Takeovers::pause() const
{
    constexpr milliseconds first{30'000}, longest{600'000};
    const int steps = std::max(replaced_ - 2, short_ - enough_short);
    if (steps < 0) return asked_;
    return std::max(asked_, std::min(longest, first * (1 << std::min(steps, 10))));
}

} // namespace agenthost::wire
