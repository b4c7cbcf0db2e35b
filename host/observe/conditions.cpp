#include "conditions.hpp"

#include "log.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace agenthost::host {

namespace {

std::int64_t utc_ms()
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

// "3 of 7 files" and "4 of 7 files" count as the same reason; otherwise every new number would be logged.
std::string without_numbers(std::string_view text)
{
    std::string out;
    for (const char c : text)
        if (c < '0' || c > '9') out += c;
    return out;
}

std::string cut(std::string text)
{
    if (text.size() <= Conditions::max_reason) return text;
    std::size_t at = Conditions::max_reason;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at; // not inside a character
    text.resize(at);
    return text;
}

} // namespace

std::string_view to_string(Grade grade)
{
    return grade == Grade::degraded ? std::string_view{"degraded"} : std::string_view{"unhealthy"};
}

Conditions::Conditions(Clock clock) : clock_{clock ? std::move(clock) : Clock{utc_ms}} {}

void Conditions::set(Condition condition)
{
    const std::scoped_lock lock{mutex_};
    set_locked(std::move(condition));
}

void Conditions::set_locked(Condition condition)
{
    condition.reason = cut(std::move(condition.reason));
    auto at = conditions_.find(condition.id);
    if (at == conditions_.end() && conditions_.size() >= max_conditions) return;
    const bool is_new = at == conditions_.end();
    const bool other = is_new || at->second.grade != condition.grade ||
                       without_numbers(at->second.reason) != without_numbers(condition.reason);
    condition.since = is_new ? clock_() : at->second.since;
    if (is_new)
        at = conditions_.emplace(condition.id, std::move(condition)).first;
    else
        at->second = std::move(condition);
    const Condition& now = at->second;
    if (other && !now.silent)
        log::write(now.grade == Grade::degraded ? log::Level::warn : log::Level::error, now.id,
                   std::string{to_string(now.grade)} + ": " + now.reason);
}

Conditions::Map::iterator Conditions::end(Map::iterator at)
{
    const Condition& over = at->second;
    if (!over.silent)
        log::info(over.id, "recovered after " +
                               std::to_string(std::max<std::int64_t>(0, clock_() - over.since) / 1000) +
                               " s; it was " + std::string{to_string(over.grade)} + ": " + over.reason);
    return conditions_.erase(at);
}

void Conditions::clear(std::string_view id)
{
    const std::scoped_lock lock{mutex_};
    if (const auto at = conditions_.find(id); at != conditions_.end()) end(at);
}

void Conditions::report(std::string_view id, std::string reason, Grade grade)
{
    if (reason.empty()) return clear(id);
    set({.id = std::string{id}, .reason = std::move(reason), .grade = grade, .since = 0, .silent = false});
}

void Conditions::replace(std::string_view kind, std::vector<Condition> now)
{
    const std::scoped_lock lock{mutex_};
    for (auto at = conditions_.begin(); at != conditions_.end();) {
        const bool of_it = at->first.starts_with(kind);
        const bool stays = std::ranges::any_of(now, [&](const Condition& c) { return c.id == at->first; });
        at = of_it && !stays ? end(at) : std::next(at);
    }
    for (auto& one : now) set_locked(std::move(one));
}

std::vector<Condition> Conditions::all() const
{
    const std::scoped_lock lock{mutex_};
    std::vector<Condition> out;
    for (const auto& [id, condition] : conditions_) out.push_back(condition);
    return out;
}

bool Conditions::any_but(std::string_view kind) const
{
    const std::scoped_lock lock{mutex_};
    return std::ranges::any_of(conditions_, [&](const auto& c) { return !c.first.starts_with(kind); });
}

} // namespace agenthost::host
