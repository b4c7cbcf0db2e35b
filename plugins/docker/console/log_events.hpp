// Batches the entries of one server into `server_log` events and bounds their rate. Pure: the caller passes
// the time and asks when to look again.
//
// The first line after a pause is sent at once; later ones are collected for 100 ms. In each second, up to
// 200 lines and 64 KiB are sent in events. For the rest, events only report how many entries were left out
// and between which positions; the ring keeps them, and get_logs returns them.
#pragma once

#include "entries.hpp"
#include "level.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::docker::console {

// Neighbouring entries of one level and stream.
struct LogEvent {
    Level level = Level::info;
    Stream stream = Stream::out;
    std::int64_t stamp_ns = 0; // of the first entry
    // Of the first entry; the others follow consecutively.
    std::uint64_t position = 0;
    std::uint32_t entries = 0;
    // How many entries before `position` are in no event.
    std::uint64_t dropped = 0;
    // Joined with LF where a new line begins.
    std::string text;
};

class LogEvents {
public:
    using Time = std::chrono::steady_clock::time_point;
    struct Limits {
        std::uint32_t lines = 200;            // a second
        std::size_t bytes = 64 * 1024;        // a second
        std::chrono::milliseconds delay{100}; // between two batches
    };
    // Of one event.
    static constexpr std::size_t max_text = 32 * 1024;

    LogEvents() = default;
    explicit LogEvents(Limits limits) : limits_{limits} {}

    void add(std::uint64_t position, const Item&, Time now);
    // When take() should be called next; nullopt: nothing waits.
    [[nodiscard]] std::optional<Time> due() const;
    // The waiting events. When the second is over, a last one without entries reports what was left out.
    std::vector<LogEvent> take(Time now);

private:
    [[nodiscard]] bool admit(std::size_t bytes, Time now);

    Limits limits_;
    std::vector<LogEvent> waiting_;
    std::uint64_t dropped_ = 0, next_ = 0; // not yet reported; position after the newest entry
    Time window_{}, last_taken_{};         // when the current second began
    std::uint32_t lines_ = 0;
    std::size_t bytes_ = 0;
};

} // namespace agenthost::docker::console
