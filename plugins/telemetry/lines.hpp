// Splits bytes into log lines, finds their level and limits their rate. Pure, bounded, for arbitrary bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::telemetry {

enum class Severity : std::uint8_t { trace, debug, info, warn, error };
std::string_view to_string(Severity); // "warn"
std::optional<Severity>
severity(std::string_view word); // also "warning", "err", "fatal", "notice", ...; any case

// The level at the start of a line: "<3>" of syslog, "level=warn", {"level":"error"}, a word ERROR or [warn].
std::optional<Severity> guess_severity(std::string_view line);

struct Line {
    Severity level = Severity::info;
    std::string source, message;
    std::int64_t at_ms = 0; // UTC: when it was read, or when the daemon wrote it
};
std::string line_json(const Line&); // {"level":"warn","message":"...","source":"...","at":1763660640123}
std::string
line_text(const Line&); // for people and print's heartbeat: "2026-11-20T17:44:00.123Z warn app: message"

// Splits bytes into complete lines. A line longer than `max_line` is cut there and the rest skipped; empty
// lines are omitted; a CR at the end is removed. Invalid UTF-8 stays unchanged: JSON turns it into U+FFFD.
class Splitter {
public:
    // Enough for a stack trace on one line; a protocol message holds many.
    static constexpr std::size_t max_line = 4096;
    using Take = std::function<void(std::string_view line, bool cut)>;
    void feed(std::string_view bytes, const Take&);
    // Bytes of the incomplete line after the last line end.
    [[nodiscard]] std::uint64_t pending() const { return pending_; }
    void forget();

private:
    void end(const Take&);
    std::string line_;
    std::uint64_t pending_ = 0;
    bool cut_ = false;
};

// `rate` a second, `burst` at once.
class Bucket {
public:
    Bucket(double rate, double burst) : rate_{rate}, burst_{burst}, tokens_{burst} {}
    bool take(std::chrono::nanoseconds now);

private:
    double rate_, burst_, tokens_;
    std::chrono::nanoseconds at_{0};
    bool begun_ = false;
};

} // namespace agenthost::telemetry
