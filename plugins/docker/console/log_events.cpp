#include "log_events.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::docker::console {

namespace {
constexpr std::chrono::seconds second{1};
}

bool LogEvents::admit(std::size_t bytes, Time now)
{
    if (now - window_ >= second) {
        window_ = now;
        lines_ = 0;
        bytes_ = 0;
    }
    // After one line is left out, so is the rest of that second: events show contiguous lines.
    if (dropped_ > 0 && lines_ > 0) return false;
    if (lines_ >= limits_.lines || bytes_ + bytes > limits_.bytes) return false;
    ++lines_;
    bytes_ += bytes;
    return true;
}

void LogEvents::add(std::uint64_t position, const Item& item, Time now)
{
    next_ = position + 1;
    if (!admit(item.text.size(), now)) {
        ++dropped_;
        return;
    }
    LogEvent* last = waiting_.empty() ? nullptr : &waiting_.back();
    const bool joins = last != nullptr && dropped_ == 0 && last->stream == item.stream &&
                       last->position + last->entries == position &&
                       last->text.size() + item.text.size() < max_text;
    // The rest of a line has the level of its beginning.
    const Level level = item.continues && last != nullptr ? last->level : guess_level(item.text);
    if (joins && last->level == level) {
        if (!item.continues) last->text += '\n';
        last->text += item.text;
        ++last->entries;
        return;
    }
    waiting_.push_back(
        {level, item.stream, item.stamp_ns, position, 1, std::exchange(dropped_, 0), std::string{item.text}});
}

std::optional<LogEvents::Time> LogEvents::due() const
{
    if (!waiting_.empty()) return std::max(last_taken_ + limits_.delay, Time{});
    if (dropped_ > 0) return window_ + second;
    return std::nullopt;
}

std::vector<LogEvent> LogEvents::take(Time now)
{
    std::vector<LogEvent> out = std::exchange(waiting_, {});
    if (dropped_ > 0 && now - window_ >= second) {
        LogEvent told;
        told.stream = Stream::note;
        told.position = next_;
        told.dropped = std::exchange(dropped_, 0);
        out.push_back(std::move(told));
    }
    if (!out.empty()) last_taken_ = now;
    return out;
}

} // namespace agenthost::docker::console
