// Lines of a log: cut out of bytes, given a level, let through at a rate. Pure, bounded, for any bytes whatever.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::telemetry {

enum class Severity : std::uint8_t { trace, debug, info, warn, error };
std::string_view word(Severity); // "warn"
std::optional<Severity>
severity(std::string_view word); // also "warning", "err", "fatal", "notice", ...; any case

// What a line says of itself in its first bytes: "<3>" of syslog, "level=warn", {"level":"error"}, a word ERROR or [warn].
std::optional<Severity> guess_severity(std::string_view line);

struct Line {
    Severity level = Severity::info;
    std::string source, message;
    std::int64_t at_ms = 0; // UTC: when it was read, or when the daemon wrote it
};
std::string line_json(const Line&); // {"level":"warn","message":"...","source":"...","at":1763660640123}
std::string
line_text(const Line&); // for people and print's heartbeat: "2026-11-20T17:44:00.123Z warn app: message"

// Bytes in, whole lines out. A line longer than `longest` is cut there and the rest of it skipped; an empty one is left out; a CR at the
// end goes. What is not UTF-8 stays as it is: JSON makes U+FFFD of it.
class Splitter {
public:
    static constexpr std::size_t longest =
        4096; // a stack trace on one line; a message of a protocol holds many such
    using Take = std::function<void(std::string_view line, bool cut)>;
    void feed(std::string_view bytes, const Take&);
    // Bytes of the line that has not ended yet: what lies behind the last line's end.
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
