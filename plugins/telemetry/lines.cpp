#include "lines.hpp"

#include "sample_json.hpp"

#include "base/ascii.hpp"
#include "base/iso8601.hpp"
#include "base/json_writer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace agenthost::telemetry {

namespace {

bool is_letter(char c) { return base::to_lower(c) >= 'a' && base::to_lower(c) <= 'z'; }

} // namespace

std::string_view to_string(Severity level)
{
    switch (level) {
    case Severity::trace: return "trace";
    case Severity::debug: return "debug";
    case Severity::info: return "info";
    case Severity::warn: return "warn";
    case Severity::error: break;
    }
    return "error";
}

std::optional<Severity> severity(std::string_view text)
{
    static constexpr std::pair<std::string_view, Severity> words[] = {
        {"trace", Severity::trace},    {"debug", Severity::debug}, {"info", Severity::info},
        {"notice", Severity::info},    {"warn", Severity::warn},   {"warning", Severity::warn},
        {"err", Severity::error},      {"error", Severity::error}, {"crit", Severity::error},
        {"critical", Severity::error}, {"alert", Severity::error}, {"emerg", Severity::error},
        {"fatal", Severity::error},    {"panic", Severity::error}, {"severe", Severity::error}};
    std::array<char, 12> small{};
    if (text.empty() || text.size() > small.size()) return std::nullopt;
    std::ranges::transform(text, small.begin(), [](char c) { return base::to_lower(c); });
    const std::string_view wanted{small.data(), text.size()};
    for (const auto& [known, level] : words)
        if (known == wanted) return level;
    return std::nullopt;
}

std::optional<Severity> guess_severity(std::string_view line)
{
    if (line.size() > 2 && line[0] == '<' && line[1] >= '0' && line[1] <= '7' &&
        line[2] == '>') // sd-daemon(3)
        return line[1] <= '3'   ? Severity::error
               : line[1] == '4' ? Severity::warn
               : line[1] <= '6' ? Severity::info
                                : Severity::debug;
    constexpr std::size_t looked_at = 128; // a level is near the start; later "error" is an ordinary word
    auto head = line.substr(0, looked_at);
    const bool structured = head.starts_with("{") || head.find("level=") != head.npos;
    while (!head.empty()) {
        if (!is_letter(head.front())) {
            head.remove_prefix(1);
            continue;
        }
        std::size_t size = 0;
        while (size < head.size() && is_letter(head[size])) ++size;
        const auto one = head.substr(0, size);
        // In prose a word only counts as a level if it is in capitals or in brackets.
        const auto at = static_cast<std::size_t>(one.data() - line.data());
        const bool capitals = std::ranges::none_of(one, [](char c) { return c >= 'a' && c <= 'z'; });
        const bool enclosed = at > 0 && (line[at - 1] == '[' || line[at - 1] == '(') &&
                              at + size < line.size() && (line[at + size] == ']' || line[at + size] == ')');
        if (structured || capitals || enclosed)
            if (const auto level = severity(one)) return level;
        head.remove_prefix(size);
    }
    return std::nullopt;
}

std::string line_json(const Line& line)
{
    return base::json_object("level", to_string(line.level), "message", line.message, "source", line.source,
                             "at", line.at_ms);
}

std::string line_text(const Line& line)
{
    return base::iso8601(line.at_ms) + " " + std::string{to_string(line.level)} + " " + line.source + ": " +
           line.message;
}

void Splitter::feed(std::string_view bytes, const Take& take)
{
    while (!bytes.empty()) {
        const auto newline = bytes.find('\n');
        const auto part = bytes.substr(0, newline);
        const auto free_space = max_line - line_.size();
        line_.append(part.substr(0, free_space));
        cut_ = cut_ || part.size() > free_space;
        pending_ += part.size();
        if (newline == bytes.npos) return;
        end(take);
        bytes.remove_prefix(newline + 1);
    }
}

void Splitter::end(const Take& take)
{
    if (!cut_ && line_.ends_with('\r')) line_.pop_back();
    if (!line_.empty()) take(line_, cut_);
    forget();
}

void Splitter::forget()
{
    line_.clear();
    pending_ = 0;
    cut_ = false;
}

bool Bucket::take(std::chrono::nanoseconds now)
{
    if (!std::exchange(begun_, true)) at_ = now;
    const double seconds = std::chrono::duration<double>(now - at_).count();
    if (seconds > 0) tokens_ = std::min(burst_, tokens_ + rate_ * seconds);
    at_ = std::max(at_, now); // a clock that went back adds nothing
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
}

} // namespace agenthost::telemetry
