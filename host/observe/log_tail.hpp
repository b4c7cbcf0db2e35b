// Keeps the most recent lines of the daemon's log in memory, for plugins that forward them (ext/log_tap.h).
// Thread-safe; add() holds a short lock.
//
// Bounds: 512 lines, 256 KiB; the oldest is dropped. Positions grow by one per line and start at the object's
// creation time (us since the epoch), so that a position of an earlier run is older than any of this run.
#pragma once

#include "log.hpp"

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

namespace agenthost::host::log {

std::string_view to_string(Level); // as written in the configuration and the log: "warning"

class Tail {
public:
    static constexpr std::size_t max_lines = 512, max_bytes = 256 << 10;
    explicit Tail(std::uint64_t first_position) : first_{first_position}, begin_{first_position} {}

    void add(Level, std::string_view part, std::string_view message, std::string_view fields_json,
             std::int64_t utc_ms);
    // Lines from `position` on as JSON, one per line, only whole ones; lines of the part `except` are
    // skipped. `lost`: dropped unread. `capacity` is at least AGH_LOG_TAP_BYTES, so that every line fits.
    [[nodiscard]] std::string read(Level min_level, std::string_view except, std::uint64_t& position,
                                   std::size_t capacity, std::uint64_t& lost) const;

private:
    struct Line {
        Level level;
        std::int64_t at;
        std::string part, message, fields;
        [[nodiscard]] std::size_t bytes() const { return part.size() + message.size() + fields.size(); }
    };
    mutable std::mutex mutex_;
    std::deque<Line> lines_;
    std::size_t bytes_ = 0;
    std::uint64_t first_;       // position of lines_.front()
    const std::uint64_t begin_; // of this run
};

} // namespace agenthost::host::log
