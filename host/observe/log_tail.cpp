#include "log_tail.hpp"

#include "base/json_writer.hpp"
#include <nlohmann/json.hpp>

#include <algorithm>

namespace agenthost::host::log {

namespace {

// Escaped, a byte becomes six at most: a line always fits into the smallest buffer ext/log_tap.h permits.
constexpr std::size_t message_most = 4096, room_most = 128, fields_most = 4096;

} // namespace

void Tail::add(Level level, std::string_view room, std::string_view message, std::string_view fields_json,
               std::int64_t utc_ms)
{
    Line line{.level = level,
              .at = utc_ms,
              .room = std::string{room.substr(0, room_most)},
              .message = std::string{message.substr(0, message_most)},
              .fields = std::string{fields_json.size() <= fields_most ? fields_json : std::string_view{}}};
    const std::scoped_lock lock{mutex_};
    bytes_ += line.bytes();
    lines_.push_back(std::move(line));
    while (lines_.size() > most_lines || bytes_ > most_bytes) {
        bytes_ -= lines_.front().bytes();
        lines_.pop_front();
        ++first_;
    }
}

std::string Tail::read(Level least, std::string_view except, std::uint64_t& position, std::size_t capacity,
                       std::uint64_t& lost) const
{
    const std::scoped_lock lock{mutex_};
    lost = 0;
    const std::uint64_t end = first_ + lines_.size();
    // Of this run, or 0 and an earlier one: then all of this run is new.
    const std::uint64_t from = std::clamp(position, begin_, end);
    if (from < first_) lost = first_ - from;
    std::string out;
    position = std::max(from, first_);
    for (; position < end; ++position) {
        const Line& line = lines_[position - first_];
        if (line.level < least || line.room == except) continue;
        std::string text;
        base::JsonWriter json{text};
        json.object().member("at", line.at).member("level", to_string(line.level));
        json.member("source", line.room).member("message", line.message);
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
