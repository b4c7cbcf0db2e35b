#include "log.hpp"

#include "log_tail.hpp"
#include "log_writer.hpp"

#include "base/hash.hpp"
#include "base/iso8601.hpp"
#include "base/json_writer.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace agenthost::host::log {

namespace {

constexpr std::chrono::milliseconds shutdown_timeout{2000}; // of shutdown(), if nobody reads stderr
constexpr int off = static_cast<int>(Level::error) + 1;

std::optional<int> threshold_of(std::string_view word)
{
    if (word == "off") return off;
    if (word == "warn") return static_cast<int>(Level::warn);
    for (int level = 0; level < off; ++level)
        if (to_string(static_cast<Level>(level)) == word) return level;
    return std::nullopt;
}

// Control characters in a peer's text must not forge lines or move the cursor of a terminal.
void append_plain(std::string& out, std::string_view text)
{
    for (const char c : text) {
        const auto u = static_cast<unsigned char>(c);
        if (u >= 0x20 && u != 0x7f)
            out.push_back(c);
        else
            (out += "\\x") += base::hex(&u, 1);
    }
}

std::chrono::system_clock::time_point now() { return std::chrono::system_clock::now(); }

std::int64_t to_ms(std::chrono::system_clock::time_point at)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
}

std::string timestamp(std::chrono::system_clock::time_point at) { return base::iso8601(to_ms(at)); }

enum class Format { text, journald, json };

struct Pieces {
    Level level;
    std::chrono::system_clock::time_point at;
    std::string_view part, message, fields;
};

std::string json_line(const Pieces& line)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().member("time", timestamp(line.at)).member("level", to_string(line.level));
    json.member("part", line.part).member("message", line.message);
    if (!line.fields.empty()) json.member("fields", base::RawJson{line.fields});
    json.end();
    return out += '\n';
}

std::string format_line(Format format, const Pieces& line)
{
    if (format == Format::json) return json_line(line);
    std::string out;
    if (format == Format::journald) // sd-daemon(3): the priority in front, journald keeps the time
        out = line.level == Level::error  ? "<3>"
              : line.level == Level::warn ? "<4>"
              : line.level == Level::info ? "<6>"
                                          : "<7>";
    else
        ((out = timestamp(line.at) + " ") += to_string(line.level)) += ' ';
    append_plain(out, line.part);
    out += ": ";
    append_plain(out, line.message);
    if (!line.fields.empty()) {
        out += ' ';
        append_plain(out, line.fields);
    }
    return out + "\n";
}

Format pick(std::string_view word)
{
    if (word == "json") return Format::json;
    if (word == "journald") return Format::journald;
    if (word == "text") return Format::text;
    if (std::getenv("JOURNAL_STREAM")) return Format::journald;
    return isatty(STDERR_FILENO) ? Format::text : Format::json;
}

// Never destroyed, and neither is the writer: a plugin's thread may be inside write() while the process
// exits.
struct State {
    std::atomic<int> threshold{static_cast<int>(Level::info)};
    std::atomic<Format> format{Format::text};
    std::atomic<LogWriter*> current{nullptr};
    std::atomic<bool> over{false}; // shutdown() has been called
    std::atomic<std::uint64_t> lost_before{0}, lost_direct{0};
    std::mutex mutex; // what follows
    std::vector<std::unique_ptr<LogWriter>> writers;
    std::uint64_t losses_said = 0;
};

State& state()
{
    static State& s = *new State;
    return s;
}

Tail& tail()
{
    static Tail& made = *new Tail{static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(now().time_since_epoch()).count())};
    return made;
}

} // namespace

std::string_view to_string(Level level)
{
    switch (level) {
    case Level::trace: return "trace";
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warn: return "warning";
    case Level::error: break;
    }
    return "error";
}

bool init(std::string_view level, std::string_view format)
{
    const auto threshold = threshold_of(level);
    if (!threshold) return false;
    if (format != "auto" && format != "text" && format != "journald" && format != "json") return false;
    State& s = state();
    const std::lock_guard lock{s.mutex};
    if (const LogWriter* before = s.current.exchange(nullptr)) s.lost_before += before->lost();
    s.threshold = *threshold;
    s.format = pick(format);
    s.writers.push_back(std::make_unique<LogWriter>(STDERR_FILENO));
    s.over = false;
    s.current = s.writers.back().get();
    return true;
}

std::string read_tail(Level min_level, std::string_view except_part, std::uint64_t& position,
                      std::size_t capacity, std::uint64_t& lost)
{
    return tail().read(min_level, except_part, position, capacity, lost);
}

void set_level(std::string_view level) { state().threshold = threshold_of(level).value_or(off); }

std::uint64_t lost()
{
    State& s = state();
    const LogWriter* writer = s.current.load();
    return s.lost_before + s.lost_direct + (writer ? writer->lost() : 0);
}

void say_losses()
{
    const auto now_lost = lost();
    State& s = state();
    std::uint64_t fresh = 0;
    {
        const std::lock_guard lock{s.mutex};
        fresh = now_lost > s.losses_said ? now_lost - s.losses_said : 0;
        s.losses_said = now_lost;
    }
    if (fresh > 0)
        warn("agenthost",
             std::to_string(fresh) + " log lines were lost: they came faster than they could be written");
}

void shutdown()
{
    say_losses();
    State& s = state();
    const std::lock_guard lock{s.mutex};
    s.over = true;
    LogWriter* writer = s.current.exchange(nullptr);
    if (!writer) return;
    writer->stop(shutdown_timeout);
    s.lost_before += writer->lost();
}

bool enabled(Level level)
{
    return static_cast<int>(level) >= state().threshold.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view part, std::string_view message, std::string_view fields_json)
{
    if (!enabled(level)) return;
    State& s = state();
    message = message.substr(0, 8192); // a line is bounded
    if (fields_json.size() > 8192) fields_json = {};
    const auto at = now();
    tail().add(level, part, message, fields_json, to_ms(at));
    LogWriter* writer = s.current.load();
    std::string line =
        format_line(writer ? s.format.load() : Format::text,
                    {.level = level, .at = at, .part = part, .message = message, .fields = fields_json});
    if (writer) return writer->add(std::move(line));
    if (!LogWriter::write_now(STDERR_FILENO, line, s.over ? std::chrono::milliseconds{0} : shutdown_timeout))
        ++s.lost_direct;
}

} // namespace agenthost::host::log
