// Issues and refreshes the tokens of panel agents over REST:
//   POST /api/agents/register {name, hostname?, port?, capabilities?}; bearer: the enroll token, or an
//                             admin's token if no enroll token is configured
//   POST /api/agents/refresh  {refreshToken}
// Both answer {success, agent: {id, token, refreshToken, ...}}. A refresh token is valid for one use, and
// once more while neither of the tokens issued for it was used: then their answer may have been lost, and new
// ones replace them. If any other old one is reused, it was copied; the hub cannot tell by whom, so it also
// revokes the valid one, and the agent registers again. Under the hub's lock.
//
// The credential is checked before the throttle: a valid one is served however many others from its address
// failed.
//
// Bounds: bodies of 64 KiB; Exchanges::failed() for failures; Enrolments::max_enrolled agents.
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

constexpr std::int64_t agent_jwt_s = 25 * 3600; // agents refresh after 24 h; one hour of tolerance
constexpr std::int64_t refresh_ms = std::int64_t{30} * 24 * 3600 * 1000;

// An agent's id, a dot, 64 hex digits.
struct RefreshToken {
    static std::string make(std::string_view agent);
    static std::string_view agent_of(std::string_view token); // empty: not one
};

// Adds a new refresh token to an enrolment, keeps the old ones, and returns it.
std::string rotate(Enrolment&, std::int64_t now_ms);
// The claims of a JWT for this agent.
Claims agent_claims(const Enrolment&, std::int64_t now_ms, std::int64_t lives_s = agent_jwt_s);

class Registration {
public:
    static constexpr std::uint64_t max_body = 64 << 10;

    struct Events {
        // Extends a session of this agent that was admitted by a JWT.
        std::function<void(std::string_view agent, const Claims&)> renewed;
        // A new agent; `capabilities` is what it sent, a JSON object, or empty.
        std::function<void(const std::string& agent, std::string_view capabilities)> registered = {};
    };
    Registration(Core& core, Exchanges& exchanges, const Credentials& credentials, EnrolmentBook& book,
                 Events events)
        : core_{core}, exchanges_{exchanges}, credentials_{credentials}, book_{book}, events_{
                                                                                          std::move(events)}
    {}

    [[nodiscard]] std::vector<Route> routes();

private:
    void request(const HttpRequest&, bool registers) UNDER_LOCK;
    struct Grant { // the result of one attempt to write it
        enum class Verdict : std::uint8_t {
            refused,
            replayed, // an old refresh token
            granted
        } verdict = Verdict::refused;
        bool repeated = false; // in place of tokens that were never used
        std::string refresh_token, jwt;
        Claims claims;
    };
    // Replaces the valid refresh token and adds a JWT.
    void grant(Enrolment&, Grant&) const;
    void register_agent(const Exchange&, const std::string& body, std::string url) UNDER_LOCK;
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
