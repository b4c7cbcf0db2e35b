// What degrades the agent at present: one table that `agenthost health`, `status`, /readyz, the metrics and the log read.
//
// Whoever finds that something is wrong reports it under an id ("journal", "plugin storage", "server files") and clears it when it is
// over. Each condition is logged once with its reason when it begins, again when the reason becomes another (a reason that differs only
// in its numbers is the same), and once when it ends. Thread-safe. Bounds: 1,024 conditions, 1,024 bytes a reason.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host {

enum class Grade : std::uint8_t { degraded, unhealthy }; // it works in part; it does not work
std::string_view to_string(Grade);

struct Condition {
    std::string id;     // of the part: "journal"; with its name where there are several: "plugin storage"
    std::string reason; // what, where, what to do
    Grade grade = Grade::unhealthy;
    std::int64_t since = 0; // UTC ms
    bool silent = false;    // its source writes it to the log itself

    // As health and /readyz print it.
    [[nodiscard]] std::string text() const { return id + ": " + reason; }
};

class Conditions {
public:
    static constexpr std::size_t most = 1024, most_reason = 1024;
    using Clock = std::function<std::int64_t()>; // UTC ms
    explicit Conditions(Clock clock = {});

    void set(Condition); // `since` is ours
    void clear(std::string_view id);
    // An empty reason clears it.
    void report(std::string_view id, std::string reason, Grade grade);
    // The conditions of one kind ("plugin ") are these and no others.
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
