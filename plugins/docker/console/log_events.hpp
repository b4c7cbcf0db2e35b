// Batches the entries of one server into `server_log` events and bounds their rate. Pure: the caller passes
// the time and asks when to look again.
//
// The first line after a pause leaves at once; what follows is collected for 100 ms. In each second the first
// 200 lines and 64 KiB go into events. Of the rest the events say only how many entries were left out and
// between which positions: the ring has them, and get_logs gives them.
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
    // Of the first entry; entries follow each other without a hole.
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
    // The events that wait. A last one without entries tells what was left out once the second is over.
    std::vector<LogEvent> take(Time now);

private:
    [[nodiscard]] bool admit(std::size_t bytes, Time now);

    Limits limits_;
    std::vector<LogEvent> waiting_;
    std::uint64_t dropped_ = 0, next_ = 0; // not yet told; position behind the newest entry
    Time window_{}, last_taken_{};         // when the present second began
    std::uint32_t lines_ = 0;
    std::size_t bytes_ = 0;
};

} // namespace agenthost::docker::console
