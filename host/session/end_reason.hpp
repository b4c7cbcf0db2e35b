// Explains why a session is not ready: the reason of the latest end, the first cause of an outage, and
// whether another agent takes the session again and again. Pure.
//
// Main I/O thread. Owned by OutboundSession.
#pragma once

#include "host/session/outage.hpp"
#include "wire/session/takeovers.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::host {

struct SessionStatus;

class EndReason {
public:
    // An attempt begins.
    void begin() { blamed_ = false; }
    // The session is ready. `running_ms`: of a clock that is never set.
    void ready(std::int64_t running_ms);
    // The session has lasted long enough: the outage is over.
    void settled() { outage_.over(); }

    // Sets the reason why this attempt ends; it takes precedence over what the socket reports later.
    void blame(std::string problem);
    // What the socket reports of the end; empty: nothing.
    void socket_ended(const std::string& why);
    // Replaces the reason.
    void explain(std::string problem) { problem_ = std::move(problem); }
    // The attempt or the session has ended; its reason is complete.
    struct End {
        int close_code = 0;
        std::string_view close_reason;
        std::int64_t utc_ms = 0, running_ms = 0;
        std::string_view agent_id, url;
    };
    void ended(const End&);

    [[nodiscard]] const std::string& problem() const { return problem_; }
    [[nodiscard]] bool in_conflict(std::int64_t running_ms) const
    {
        return takeovers_.in_conflict(running_ms);
    }
    // The problem to show while another agent uses this identity.
    [[nodiscard]] std::string conflict_text(std::int64_t running_ms, std::string_view agent_id,
                                            std::string_view url) const;
    // The least wait before the next attempt.
    [[nodiscard]] std::chrono::milliseconds pause() const { return takeovers_.pause(); }
    // Fills in the problem, the first one of the outage, and their times.
    void add_to(SessionStatus&) const;

private:
    std::string problem_;
    bool blamed_ = false;
    // running_ms; 0: this attempt is not ready yet.
    std::int64_t ready_at_ = 0;
    Outage outage_;
    wire::Takeovers takeovers_;
};

} // namespace agenthost::host
