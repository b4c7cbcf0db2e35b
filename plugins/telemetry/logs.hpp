// Forwards lines of log files and of the daemon's own log. Lines above the rate are dropped, and their number
// is reported; read positions survive restarts. No thread of its own; one thread at a time.
//
// After a crash up to `save_every` of lines are sent twice: better twice than never.
//
// More than 25 members: both sources share one rate limit and one file of positions.
#pragma once

#include "config.hpp"
#include "follow.hpp"
#include "lines.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::telemetry {

class Logs {
public:
    // Lines kept for telemetry.logs and the fact "logs"
    static constexpr std::size_t max_recent = 200, max_warnings = 20;
    static constexpr std::chrono::seconds save_every{10}, report_every{10};
    // Where lines go. Either may be empty.
    struct Outputs {
        // To the servers. Returns false if the host does not accept the line now; it is lost.
        std::function<bool(const Line&)> forward;
        // To the daemon's own log.
        std::function<void(const std::string&)> log;
    };
    // `state_file`: empty: nothing is kept.
    Logs(const Config&, std::string state_file, Outputs);
    ~Logs(); // saves
    Logs(const Logs&) = delete;
    Logs& operator=(const Logs&) = delete;

    // Reads new lines of the files. `now`: steady; `utc_ms`: the time for the lines.
    void poll(std::chrono::nanoseconds now, std::int64_t utc_ms);
    // A line of the daemon's own log: {"at":..,"level":"..","source":"..","message":"..","fields":{..}?}
    void daemon_line(std::string_view json, std::chrono::nanoseconds now);
    // `count` of its lines were lost before they were read.
    void daemon_lost(std::uint64_t count);
    std::uint64_t daemon_position = 0; // of ext/log_tap.h; kept with the positions

    void save();

    [[nodiscard]] const std::deque<Line>& recent() const { return recent_; }
    // The most recent lines at warn and above, for the fact "logs"; `changes` grows with each.
    [[nodiscard]] std::string warnings_json() const;
    [[nodiscard]] std::uint64_t changes() const { return changes_; }
    [[nodiscard]] std::uint64_t forwarded() const { return forwarded_; }
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
    [[nodiscard]] std::vector<std::string> problems() const; // of files that cannot be read

private:
    struct Source {
        LogFile config;
        Follower follower;
        std::uint64_t skipped_said = 0;
        std::string problem_said;
    };
    void offer(Line, bool wanted, std::chrono::nanoseconds now);
    void keep(const Line&);
    void report_losses(std::chrono::nanoseconds now, std::int64_t utc_ms);
    [[nodiscard]] std::string places_json() const;

    Config config_;
    std::string state_file_, saved_;
    Outputs outputs_;
    Bucket bucket_;
    std::vector<Source> sources_;
    std::deque<Line> recent_, warnings_;
    std::uint64_t changes_ = 0, forwarded_ = 0, dropped_ = 0, dropped_said_ = 0;
    std::chrono::nanoseconds saved_at_{0}, said_at_{0};
    bool said_before_ = false, saved_before_ = false;
};

} // namespace agenthost::telemetry
