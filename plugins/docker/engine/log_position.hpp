// Remembers how far a container's log was read, so that reading continues after a restart of the agent or of
// the engine without a gap and without a repeat. Pure.
//
// Stamps alone do not identify a message: all parts of a long line carry the same one, Podman prints whole
// seconds, and stdout and stderr may be stamped in another order than they are stored in. But the order of
// the log file never changes. So a position is a time `since`, and how many messages, in the order that the
// engine gives for exactly this `since`, were taken. `newest` shows when the engine has dropped old messages:
// one that is newer was certainly not taken.
//
// After a start with `tail`, messages with the same stamp as the first one may be repeated, but are never
// lost.
//
//     request since = position.since_ns; for each message: if (resume.take(stamp)) deliver(message)
//     if (resume.gap()) tell("older output was dropped by log rotation")
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

namespace agenthost::docker::engine {

struct LogPosition {
    std::int64_t since_ns = 0; // 0: nothing was read
    std::uint32_t taken = 0;
    std::int64_t newest_ns = 0;
    bool operator==(const LogPosition&) const = default;
};

// Counts the messages that were taken, in the engine's order.
class LogTrack {
public:
    LogTrack() = default;
    explicit LogTrack(LogPosition base) : base_{base}, newest_{base.newest_ns}, forgotten_{base.since_ns - 1}
    {}

    void record(std::int64_t stamp_ns);
    // Where to continue after the messages that were recorded so far.
    [[nodiscard]] LogPosition position() const;

    // How far back the position begins: stamps of two streams differ by less.
    static constexpr std::int64_t window_ns = 50'000'000;
    // Different stamps that are remembered.
    static constexpr std::size_t max_stamps = 1024;

private:
    struct Run {
        std::int64_t ns;
        std::uint32_t count;
    };

    LogPosition base_;
    std::uint32_t since_base_ = 0; // recorded with stamps from base_.since_ns on
    std::deque<Run> recent_;       // messages taken, the newest last; equal neighbours are one entry
    std::int64_t newest_ = 0, forgotten_ = -1; // forgotten: the largest stamp that left recent_
};

// Skips what was taken before.
class LogResume {
public:
    LogResume() = default;
    explicit LogResume(LogPosition from) : from_{from}, track_{from}, replaying_{from.since_ns > 0} {}

    // Whether the message with this stamp is new. Call it for every message, in the engine's order.
    bool take(std::int64_t stamp_ns);
    // Where to continue after the messages that were taken so far.
    [[nodiscard]] LogPosition position() const { return track_.position(); }
    // Whether messages after the old position were missing when reading continued.
    [[nodiscard]] bool gap() const { return gap_; }
    // Whether the first message was older than the position's `since`, so that none after it is missing.
    [[nodiscard]] bool reaches_back() const { return reaches_back_; }

private:
    LogPosition from_;
    LogTrack track_;
    bool replaying_ = false, gap_ = false;
    bool any_ = false, reaches_back_ = false;
    std::uint32_t skipped_ = 0;
};

} // namespace agenthost::docker::engine
