// Notices that another agent uses our identity: each of the two takes the session from the other, for ever.
//
// Told how each accepted session ended. Evidence is the server's close reason ("replaced by a newer session"), or, where a server
// gives no reason, several sessions in a row that it closed within a minute. Says how long to wait before the next attempt, so that two
// such agents do not alternate every few seconds. Pure; times are milliseconds of a clock that is never set.
#pragma once

#include "wire/message.hpp"

#include <cstdint>
#include <string_view>

namespace agenthost::wire {

class Takeovers {
public:
    // Does this close reason mean that another session has, or takes, the place of this one?
    static bool says_replaced(std::string_view close_reason);

    // An accepted session ended. `code`: of the server's close frame, 0 when there was none or the end was ours.
    void ended(std::int64_t now_ms, std::int64_t lasted_ms, int code, std::string_view close_reason);

    // Two takeovers (one, when the server calls it an identity in use), or five short sessions, in a row and not long ago.
    [[nodiscard]] bool contested(std::int64_t now_ms) const { return proven(now_ms) || suspected(now_ms); }
    // The server has said so.
    [[nodiscard]] bool proven(std::int64_t now_ms) const { return replaced_ >= 2 && recent(now_ms); }
    [[nodiscard]] int count() const { return replaced_ >= 2 ? replaced_ : short_; }
    // The least wait before the next attempt: 0, then 30 s, doubled with each further takeover, at most 10 min; longer when the server asked
    // for it ("identity in use: ...; retry in 900 s", as our hub says), at most 20 min.
    [[nodiscard]] milliseconds pause() const;

private:
    static constexpr int enough_short = 5;
    static constexpr std::int64_t short_session = 60'000;
    static constexpr std::int64_t remembered = 30 * 60'000; // three of the longest pauses

    [[nodiscard]] bool recent(std::int64_t now_ms) const { return now_ms - last_ < remembered; }
    [[nodiscard]] bool suspected(std::int64_t now_ms) const
    {
        return short_ >= enough_short && recent(now_ms);
    }

    int replaced_ = 0; // in a row
    int short_ = 0;    // sessions in a row that the server closed soon
    std::int64_t last_ = 0;
    milliseconds asked_{0}; // by the last close reason
};

} // namespace agenthost::wire
