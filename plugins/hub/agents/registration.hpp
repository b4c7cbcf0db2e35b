// Panel agents get and renew their tokens over REST:
//   POST /api/agents/register {name, hostname?, port?, capabilities?}, bearer: the enroll token, or an admin where none is configured
//   POST /api/agents/refresh  {refreshToken}
// Both answer {success, agent: {id, token, refreshToken, ...}}. A refresh token serves once. An old one that comes again was copied or
// its answer was lost: nobody can tell, so it is refused and the valid one with it; the agent registers again. Under the hub's lock.
//
// The credential is looked at before the throttle: a valid one is served however many others of its address failed.
//
// Bounds: bodies of 64 KiB; Exchanges::failed() for failures; Credentials::max_enrolled agents.
#pragma once

#include "plugins/hub/core/core.hpp"
#include "plugins/hub/credentials/credentials.hpp"
#include "plugins/hub/credentials/enrolment_book.hpp"
#include "plugins/hub/http/router.hpp"
#include "plugins/hub/store/enrolment_table.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

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
        // A session of this agent that a JWT admitted is good for longer.
        std::function<void(std::string_view agent, const Claims&)> renewed;
    };
    Registration(Core& core, Exchanges& exchanges, const Credentials& credentials, EnrolmentBook& book,
                 Events events)
        : core_{core}, exchanges_{exchanges}, credentials_{credentials}, book_{book}, events_{
                                                                                          std::move(events)}
    {}

    [[nodiscard]] std::vector<Route> routes();

private:
    void request(const HttpRequest&, bool enrolls) UNDER_LOCK;
    struct Grant { // of one try to write it
        enum class Verdict : std::uint8_t {
            refused,
            replayed, // an old refresh token
            granted
        } verdict = Verdict::refused;
        std::string refresh_token, jwt;
        Claims claims;
    };
    void grant(Enrolment&, Grant&) const;
    void enroll(const Exchange&, const std::string& body, std::string url) UNDER_LOCK;
    void refresh(const Exchange&, const std::string& peer, const std::string& body) UNDER_LOCK;
    bool renew(const base::Sha256Digest& given, const Enrolment* now, Enrolment& next, Grant&) const;
    void answer(const Exchange&, const std::string& agent, const Grant&, const std::string& url) UNDER_LOCK;
    void not_written(const Exchange&, const EnrolmentBook::Outcome&) UNDER_LOCK;
    void refuse(const Exchange&, const std::string& peer, std::string message) UNDER_LOCK;
    static void answer_error(const Exchange&, int status, std::string_view code, std::string_view message)
        UNDER_LOCK;
    [[nodiscard]] std::string socket_url(const Head&) const;

    Core& core_;
    Exchanges& exchanges_;
    const Credentials& credentials_;
    EnrolmentBook& book_;
    Events events_;
};

} // namespace agenthost::hub
