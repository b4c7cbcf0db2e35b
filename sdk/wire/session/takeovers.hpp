// Detects that another agent uses our identity, so that the two keep taking over each other's session.
//
// Input: how each accepted session ended. Evidence is the server's close reason ("replaced by a newer
// session") or, without a reason, several consecutive sessions that it closed within a minute. Output: the
// delay before the next attempt, so that two such agents do not alternate every few seconds. Pure; times are
// milliseconds of a monotonic clock.
#pragma once

#include "wire/message.hpp"

#include <cstdint>
#include <string_view>

namespace agenthost::wire {

class Takeovers {
public:
    // True if this close reason means that another session has replaced this one.
    static bool says_replaced(std::string_view close_reason);

    // An accepted session ended. `code`: from the server's close frame; 0: no close frame, or we ended it.
    void ended(std::int64_t now_ms, std::int64_t lasted_ms, int code, std::string_view close_reason);

    // Two recent consecutive takeovers (one if the server says "identity in use"), or five short sessions.
    [[nodiscard]] bool in_conflict(std::int64_t now_ms) const { return proven(now_ms) || suspected(now_ms); }
    // The server's close reasons prove it.
    [[nodiscard]] bool proven(std::int64_t now_ms) const { return replaced_ >= 2 && recent(now_ms); }
    [[nodiscard]] int count() const { return replaced_ >= 2 ? replaced_ : short_; }
    // Min delay before the next attempt: 0, then 30 s, doubled with each takeover, at most 10 min; at most 20
    // min if the server requests more ("identity in use: ...; retry in 900 s", sent by our hub).
    [[nodiscard]] milliseconds pause() const;

private:
    static constexpr int enough_short = 5;
    static constexpr std::int64_t short_session = 60'000;
    static constexpr std::int64_t remembered = 30 * 60'000; // three times the longest pause

    [[nodiscard]] bool recent(std::int64_t now_ms) const { return now_ms - last_ < remembered; }
    [[nodiscard]] bool suspected(std::int64_t now_ms) const
    {
        return short_ >= enough_short && recent(now_ms);
    }

    int replaced_ = 0; // in a row
    int short_ = 0;    // consecutive sessions that the server closed early
    std::int64_t last_ = 0;
    milliseconds asked_{0}; // pause requested by the last close reason
};

} // namespace agenthost::wire
