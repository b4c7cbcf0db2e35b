// Notices that two agents use one identity (a machine was cloned with its credential) and take the session from each other: `enough`
// takeovers of living sessions within `window` (sessions.hpp says which are). From then on the connected one keeps its session and newcomers are refused for a while, which doubles
// with every takeover, so that work gets done and nobody's log fills. One takeover stays possible after each such while: the newcomer may
// be a legitimate replacement.
//
// Bounded: `most` identities, the one that was quiet for longest goes first. Pure; time is handed in. Not thread-safe.
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

class Contests {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::size_t enough = 4;
    static constexpr auto window = std::chrono::minutes{10};
    static constexpr auto first_hold = std::chrono::seconds{30}, longest_hold = std::chrono::seconds{600};
    static constexpr auto over_after = std::chrono::hours{1}; // without another takeover or attempt
    static constexpr std::size_t most = 1'000;

    struct Contest {
        std::string agent;
        std::int64_t since = 0;            // UTC ms; 0: not noticed yet
        std::uint64_t takeovers = 0;       // all that are remembered
        std::uint64_t refused = 0;         // newcomers
        std::array<std::string, 2> peers;  // addresses of the last two that met, the connected one first
        std::array<Time, enough> recent{}; // the last takeovers, in a ring
        std::chrono::seconds hold{};
        Time held_until{}, last{};
    };
    struct Verdict {
        std::chrono::seconds wait{};      // 0: the newcomer takes over; else refused for that long
        const Contest* contest = nullptr; // nullptr: nothing unusual. Until the next call
        bool noticed = false;             // just now
    };
    // An agent comes from `newcomer` while another session of this identity, from `present`, is live.
    Verdict meet(std::string_view agent, std::string_view newcomer, std::string_view present, Time now,
                 std::int64_t utc_ms);
    // nullptr: nobody contests this identity.
    [[nodiscard]] const Contest* find(std::string_view agent, Time now) const;
    [[nodiscard]] std::size_t size() const { return order_.size(); }

private:
    Contest& touch(std::string_view agent, Time now);

    std::list<Contest> order_; // by last takeover or attempt
    std::unordered_map<std::string, std::list<Contest>::iterator> contests_;
};

} // namespace agenthost::hub
