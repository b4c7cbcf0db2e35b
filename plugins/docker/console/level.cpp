#include "level.hpp"

#include "base/ascii.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <utility>

namespace agenthost::docker::console {

namespace {

// Loggers print the level before the message.
constexpr std::size_t looked_at = 96;

constexpr std::array<std::pair<std::string_view, Level>, 17> names{{
    {"trace", Level::debug},
    {"debug", Level::debug},
    {"fine", Level::debug},
    {"finer", Level::debug},
    {"finest", Level::debug},
    {"verbose", Level::debug},
    {"info", Level::info},
    {"notice", Level::info},
    {"warn", Level::warn},
    {"warning", Level::warn},
    {"error", Level::error},
    {"err", Level::error},
    {"severe", Level::error},
    {"critical", Level::error},
    {"fatal", Level::error},
    {"panic", Level::error},
    {"emergency", Level::error},
}};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// A level is written in capitals, between brackets, or before a colon: "an error occurred" is text.
bool looks_like_level(std::string_view line, std::size_t begin, std::size_t end)
{
    const char before = begin > 0 ? line[begin - 1] : '[', after = end < line.size() ? line[end] : ']';
    const bool enclosed = std::string_view{"[</=|("}.find(before) != std::string_view::npos &&
                          std::string_view{"]>:|)/ "}.find(after) != std::string_view::npos;
    bool capitals = true;
    for (std::size_t i = begin; i < end; ++i) capitals = capitals && line[i] >= 'A' && line[i] <= 'Z';
    return enclosed || capitals || after == ':';
}

} // namespace

const char* to_string(Level level)
{
    static constexpr std::array names{"DEBUG", "INFO", "WARN", "ERROR"};
    return names.at(static_cast<std::size_t>(level));
}

Level guess_level(std::string_view line)
{
    if (line.starts_with("\tat ") || line.starts_with("Caused by: ") ||
        line.starts_with("Exception in thread") || line.starts_with("Traceback (most recent call last)") ||
        line.starts_with("panic: "))
        return Level::error;
    line = line.substr(0, looked_at);
    for (std::size_t at = 0; at < line.size();) {
        if (!is_letter(line[at])) {
            ++at;
            continue;
        }
        std::size_t end = at;
        while (end < line.size() && is_letter(line[end])) ++end;
        const std::string_view word = line.substr(at, end - at);
        if (word.size() <= 9 && looks_like_level(line, at, end)) {
            const std::string lower = base::to_lower(word);
            for (const auto& [name, level] : names)
                if (lower == name) return level;
        }
        at = end;
    }
    return Level::info;
}

} // namespace agenthost::docker::console
