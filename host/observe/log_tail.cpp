#include "log_tail.hpp"

#include "base/json_writer.hpp"
#include <nlohmann/json.hpp>

#include <algorithm>

namespace agenthost::host::log {

namespace {

// Escaping turns a byte into six at most, so a line always fits into the smallest buffer that ext/log_tap.h
// permits.
constexpr std::size_t max_message = 4096, max_part = 128, max_fields = 4096;

} // namespace

void Tail::add(Level level, std::string_view part, std::string_view message, std::string_view fields_json,
               std::int64_t utc_ms)
{
    Line line{.level = level,
              .at = utc_ms,
              .part = std::string{part.substr(0, max_part)},
              .message = std::string{message.substr(0, max_message)},
              .fields = std::string{fields_json.size() <= max_fields ? fields_json : std::string_view{}}};
    const std::scoped_lock lock{mutex_};
    bytes_ += line.bytes();
    lines_.push_back(std::move(line));
    while (lines_.size() > max_lines || bytes_ > max_bytes) {
        bytes_ -= lines_.front().bytes();
        lines_.pop_front();
        ++first_;
    }
}

std::string Tail::read(Level min_level, std::string_view except, std::uint64_t& position,
                       std::size_t capacity, std::uint64_t& lost) const
{
    const std::scoped_lock lock{mutex_};
    lost = 0;
    const std::uint64_t end = first_ + lines_.size();
    // A position of this run; for 0 or one of an earlier run, all lines of this run are new.
    const std::uint64_t from = std::clamp(position, begin_, end);
    if (from < first_) lost = first_ - from;
    std::string out;
    position = std::max(from, first_);
    for (; position < end; ++position) {
        const Line& line = lines_[position - first_];
        if (line.level < min_level || line.part == except) continue;
        std::string text;
        base::JsonWriter json{text};
        json.object().member("at", line.at).member("level", to_string(line.level));
        json.member("source", line.part).member("message", line.message);
        // A plugin's fields may be anything.
        if (!line.fields.empty() && nlohmann::json::accept(line.fields))
            json.member("fields", base::RawJson{line.fields});
        json.end();
        text += '\n';
        if (out.size() + text.size() > capacity) break;
        out += text;
    }
    return out;
}

} // namespace agenthost::host::log
