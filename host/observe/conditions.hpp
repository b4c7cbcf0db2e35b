// Holds the conditions that currently degrade the agent, for `agenthost health`, `status`, /readyz, the
// metrics and the log.
//
// The part that detects a problem reports it under an id ("journal", "plugin storage", "server files") and
// clears it when it is over. Each condition is logged with its reason when it begins, again when the reason
// changes (a reason that differs only in its numbers is the same), and when it ends. Thread-safe. Bounds:
// 1,024 conditions, 1,024 bytes a reason.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host {

enum class Grade : std::uint8_t { degraded, unhealthy }; // works in part; does not work
std::string_view to_string(Grade);

struct Condition {
    std::string id;     // the part: "journal"; with its name if there are several: "plugin storage"
    std::string reason; // what, where, how to fix
    Grade grade = Grade::unhealthy;
    std::int64_t since = 0; // UTC ms
    bool silent = false;    // its source writes it to the log itself

    // The line that health and /readyz print.
    [[nodiscard]] std::string text() const { return id + ": " + reason; }
};

class Conditions {
public:
    static constexpr std::size_t max_conditions = 1024, max_reason = 1024;
    using Clock = std::function<std::int64_t()>; // UTC ms
    explicit Conditions(Clock clock = {});

    void set(Condition); // `since` is filled in here
    void clear(std::string_view id);
    // An empty reason clears it.
    void report(std::string_view id, std::string reason, Grade grade);
    // Replaces all conditions of one kind ("plugin ").
    void replace(std::string_view kind, std::vector<Condition>);

    [[nodiscard]] std::vector<Condition> all() const; // by id
    [[nodiscard]] bool any_but(std::string_view kind) const;

private:
    void set_locked(Condition);
    using Map = std::map<std::string, Condition, std::less<>>;
    Map::iterator end(Map::iterator);

    Clock clock_;
    mutable std::mutex mutex_;
    Map conditions_;
};

} // namespace agenthost::host
