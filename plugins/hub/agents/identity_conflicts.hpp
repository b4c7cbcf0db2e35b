// Detects two agents with one identity (a machine was cloned with its credential) that take the session from
// each other: `threshold` takeovers of live sessions (sessions.hpp defines live) within `window`. From then
// on the connected agent keeps its session and newcomers are rejected for a time that doubles with every
// takeover, so that work continues and logs do not fill up. After each such time one takeover is possible,
// because the newcomer may be a legitimate replacement.
//
// Bounded: `max_identities`, the one inactive for longest is removed first. Pure; the caller passes the time.
// Not thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::hub {

class IdentityConflicts {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::size_t threshold = 4;
    static constexpr auto window = std::chrono::minutes{10};
    static constexpr auto first_hold = std::chrono::seconds{30}, max_hold = std::chrono::seconds{600};
    static constexpr auto over_after = std::chrono::hours{1}; // without another takeover or attempt
    static constexpr std::size_t max_identities = 1'000;

    struct Conflict {
        std::string agent;
        std::int64_t since = 0;               // UTC ms; 0: not detected yet
        std::uint64_t takeovers = 0;          // all since the conflict began
        std::uint64_t refused = 0;            // rejected newcomers
        std::array<std::string, 2> peers;     // addresses of the last two that met, the connected one first
        std::array<Time, threshold> recent{}; // the last takeovers, in a ring
        std::chrono::seconds hold{};
        Time held_until{}, last{};
    };
    struct Verdict {
        std::chrono::seconds wait{};        // 0: the newcomer takes over; else refused for that long
        const Conflict* conflict = nullptr; // nullptr: nothing unusual. Valid until the next call
        bool noticed = false;               // detected by this call
    };
    // An agent connects from `newcomer` while another session of this identity, from `present`, is live.
    Verdict meet(std::string_view agent, std::string_view newcomer, std::string_view present, Time now,
                 std::int64_t utc_ms);
    // nullptr: this identity is not in conflict.
    [[nodiscard]] const Conflict* find(std::string_view agent, Time now) const;
    [[nodiscard]] std::size_t size() const { return order_.size(); }

private:
    Conflict& touch(std::string_view agent, Time now);

    std::list<Conflict> order_; // by last takeover or attempt
    std::unordered_map<std::string, std::list<Conflict>::iterator> conflicts_;
};

} // namespace agenthost::hub
