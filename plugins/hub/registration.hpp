// Panel agents get and renew their tokens over REST:
//   POST /api/agents/register {name, hostname?, port?, capabilities?}, bearer: the enroll token, or an admin where none is configured
//   POST /api/agents/refresh  {refreshToken}
// Both answer {success, agent: {id, token, refreshToken, ...}}. A refresh token serves once. An old one that comes again was copied or
// its answer was lost: nobody can tell, so it is refused and the valid one with it; the agent registers again. Under the hub's lock.
//
// Bounds: bodies of 64 KiB; 10 failures a minute an address; Credentials::most_enrolled agents; an agent that is away and has not renewed
// for 30 days is forgotten.
#pragma once

#include "core.hpp"
#include "credentials.hpp"
#include "enrolment_table.hpp"
#include "throttle.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace agenthost::hub {

constexpr std::int64_t agent_jwt_s = 25 * 3600; // agents renew after 24 h; an hour for those who are late
constexpr std::int64_t refresh_ms = std::int64_t{30} * 24 * 3600 * 1000;

// An agent's id, a dot, 64 hex digits.
struct RefreshToken {
    static std::string make(std::string_view agent);
    static std::string_view agent_of(std::string_view token); // empty: not one
};

// Gives an enrolment a new refresh token, keeps the old ones, and returns it.
std::string rotate(Enrolment&, std::int64_t now_ms);
// A JWT for this agent: its claims.
Claims agent_claims(const Enrolment&, std::int64_t now_ms, std::int64_t lives_s = agent_jwt_s);

class Registration {
public:
    static constexpr std::uint64_t most_body = 64 << 10;

    struct Events {
        std::function<bool(std::string_view agent)> online;
        // A session of this agent that a JWT admitted is good for longer.
        std::function<void(std::string_view agent, const Claims&)> renewed;
    };
    Registration(Core& core, Credentials& credentials, EnrolmentTable& table, Events events)
        : core_{core}, credentials_{credentials}, table_{table}, events_{std::move(events)}
    {}

    // false: the path is none of these two.
    bool request(Conn, const Head&);
    void forget_the_gone(); // now and then

private:
    void enroll(Conn, const std::string& body, std::string url);
    void refresh(Conn, const std::string& address, const std::string& body);
    void granted(Conn, const Enrolment&, std::string refresh_token, std::string url);
    void refuse(Conn, const std::string& address, std::string message);
    void answer_error(Conn, int status, std::string_view code, std::string_view message);
    [[nodiscard]] std::string socket_url(const Head&) const;

    Core& core_;
    Credentials& credentials_;
    EnrolmentTable& table_;
    Events events_;
    Throttle throttle_;
};

} // namespace agenthost::hub
