#include "log.hpp"

#include "log_tail.hpp"

#include <spdlog/async.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>

namespace agenthost::host::log {

namespace {

constexpr std::size_t queue_lines =
    512; // spdlog keeps the slots ready, 400 bytes each: 0.2 MiB of an idle daemon

spdlog::level::level_enum to_spdlog(Level level)
{
    switch (level) {
    case Level::trace: return spdlog::level::trace;
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warn: return spdlog::level::warn;
    case Level::error: break;
    }
    return spdlog::level::err;
}

spdlog::level::level_enum from_word(std::string_view word)
{
    if (word == "warning") word = "warn";
    if (word == "error") return spdlog::level::err;
    return spdlog::level::from_str(std::string{word});
}

// A line arrives as "room \x1f message \x1f fields"; the pieces are laid out by the sink's formatter.
constexpr char separator = '\x1f';

struct Pieces {
    std::string_view room, message, fields;
};

Pieces split(std::string_view line)
{
    const auto a = line.find(separator);
    const auto b = a == line.npos ? a : line.find(separator, a + 1);
    if (b == line.npos) return {"agenthost", line, {}};
    return {line.substr(0, a), line.substr(a + 1, b - a - 1), line.substr(b + 1)};
}

void append(spdlog::memory_buf_t& out, std::string_view text)
{
    out.append(text.data(), text.data() + text.size());
}

// Control characters of a peer's text must not forge lines or move a terminal's cursor.
void append_plain(spdlog::memory_buf_t& out, std::string_view text)
{
    static constexpr char hex[] = "0123456789abcdef";
    for (const char c : text) {
        const auto u = static_cast<unsigned char>(c);
        if (u >= 0x20 && u != 0x7f)
            out.push_back(c);
        else
            append(out, std::string{"\\x"} + hex[u >> 4] + hex[u & 15]);
    }
}

void append_json(spdlog::memory_buf_t& out, std::string_view text)
{
    static constexpr char hex[] = "0123456789abcdef";
    out.push_back('"');
    for (const char c : text) {
        const auto u = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (u < 0x20) {
            append(out, std::string{"\\u00"} + hex[u >> 4] + hex[u & 15]);
        } else {
            out.push_back(c);
        }
    }
    out.push_back('"');
}

std::string timestamp(spdlog::log_clock::time_point at)
{
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
    const std::time_t seconds = ms / 1000;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    char text[40];
    const auto n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    std::snprintf(text + n, sizeof text - n, ".%03dZ", static_cast<int>(ms % 1000));
    return text;
}

std::string_view word(spdlog::level::level_enum level)
{
    switch (level) {
    case spdlog::level::trace: return "trace";
    case spdlog::level::debug: return "debug";
    case spdlog::level::info: return "info";
    case spdlog::level::warn: return "warning";
    default: return "error";
    }
}

enum class Format { text, journald, json };

class LineFormatter final : public spdlog::formatter {
public:
    explicit LineFormatter(Format format) : format_{format} {}
    void format(const spdlog::details::log_msg& line, spdlog::memory_buf_t& out) override
    {
        const auto [room, message, fields] = split({line.payload.data(), line.payload.size()});
        switch (format_) {
        case Format::json:
            append(out, R"({"time":")" + timestamp(line.time) + R"(","level":")");
            append(out, word(line.level));
            append(out, R"(","room":)");
            append_json(out, room);
            append(out, R"(,"message":)");
            append_json(out, message);
            if (!fields.empty()) {
                append(out, R"(,"fields":)");
                append(out, fields);
            }
            append(out, "}\n");
            return;
        case Format::journald: // sd-daemon(3): the priority in front, journald keeps the time
            append(out, line.level >= spdlog::level::err    ? "<3>"
                        : line.level == spdlog::level::warn ? "<4>"
                        : line.level == spdlog::level::info ? "<6>"
                                                            : "<7>");
            break;
        case Format::text:
            append(out, timestamp(line.time) + " ");
            append(out, word(line.level));
            append(out, " ");
            break;
        }
        append_plain(out, room);
        append(out, ": ");
        append_plain(out, message);
        if (!fields.empty()) {
            append(out, " ");
            append_plain(out, fields);
        }
        append(out, "\n");
    }
    [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override
    {
        return std::make_unique<LineFormatter>(format_);
    }

private:
    Format format_;
};

Format pick(std::string_view word)
{
    if (word == "json") return Format::json;
    if (word == "journald") return Format::journald;
    if (word == "text") return Format::text;
    if (std::getenv("JOURNAL_STREAM")) return Format::journald;
    return isatty(STDERR_FILENO) ? Format::text : Format::json;
}

struct State {
    std::mutex mutex;
    std::shared_ptr<spdlog::details::thread_pool> pool;
    std::shared_ptr<spdlog::logger> logger;
    std::atomic<spdlog::logger*> current{nullptr};
    std::uint64_t overruns_said = 0;
};

State& state()
{
    static State s;
    return s;
}

std::chrono::microseconds since_epoch()
{
    return std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now().time_since_epoch());
}

Tail& tail()
{
    static Tail made{static_cast<std::uint64_t>(since_epoch().count())};
    return made;
}

std::shared_ptr<spdlog::logger> direct_logger()
{
    static auto logger = [] {
        auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
        sink->set_formatter(std::make_unique<LineFormatter>(Format::text));
        auto made = std::make_shared<spdlog::logger>("agenthost", std::move(sink));
        made->set_level(spdlog::level::info);
        return made;
    }();
    return logger;
}

} // namespace

bool init(std::string_view level, std::string_view format)
{
    const auto wanted = from_word(level);
    if (wanted == spdlog::level::off && level != "off") return false;
    if (format != "auto" && format != "text" && format != "journald" && format != "json") return false;
    State& s = state();
    const std::lock_guard lock{s.mutex};
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    sink->set_formatter(std::make_unique<LineFormatter>(pick(format)));
    s.pool = std::make_shared<spdlog::details::thread_pool>(queue_lines, 1);
    s.logger = std::make_shared<spdlog::async_logger>("agenthost", std::move(sink), s.pool,
                                                      spdlog::async_overflow_policy::overrun_oldest);
    s.logger->set_level(wanted);
    s.logger->flush_on(spdlog::level::trace);
    s.current = s.logger.get();
    return true;
}

std::string read_tail(Level least, std::string_view except_room, std::uint64_t& position,
                      std::size_t capacity, std::uint64_t& lost)
{
    return tail().read(least, except_room, position, capacity, lost);
}

void set_level(std::string_view level)
{
    State& s = state();
    const std::lock_guard lock{s.mutex};
    if (s.logger) s.logger->set_level(from_word(level));
}

std::uint64_t lost()
{
    State& s = state();
    const std::lock_guard lock{s.mutex};
    return s.pool ? s.pool->overrun_counter() : 0;
}

void say_losses()
{
    const auto now = lost();
    State& s = state();
    std::uint64_t fresh = 0;
    {
        const std::lock_guard lock{s.mutex};
        fresh = now > s.overruns_said ? now - s.overruns_said : 0;
        s.overruns_said = now;
    }
    if (fresh > 0)
        warn("agenthost",
             std::to_string(fresh) + " log lines were lost: they came faster than they could be written");
}

void shutdown()
{
    State& s = state();
    const std::lock_guard lock{s.mutex};
    s.current = nullptr;
    // Kept, not freed: a plugin's stray thread may be inside write() right now. The pool's destructor writes what waits.
    if (s.pool) s.pool.reset();
}

bool enabled(Level level)
{
    const auto* logger = state().current.load();
    return (logger ? logger : direct_logger().get())->should_log(to_spdlog(level));
}

void write(Level level, std::string_view room, std::string_view message, std::string_view fields_json)
{
    if (!enabled(level)) return;
    State& s = state();
    auto* logger = s.current.load();
    std::string line;
    line.reserve(room.size() + message.size() + fields_json.size() + 2);
    line.append(room).push_back(separator);
    message = message.substr(0, 8192); // a line is bounded
    if (fields_json.size() > 8192) fields_json = {};
    line.append(message).push_back(separator);
    line.append(fields_json);
    tail().add(level, room, message, fields_json, since_epoch().count() / 1000);
    (logger ? logger : direct_logger().get())
        ->log(to_spdlog(level), spdlog::string_view_t{line.data(), line.size()});
}

} // namespace agenthost::host::log
