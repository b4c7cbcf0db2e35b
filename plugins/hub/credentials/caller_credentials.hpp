// Decides who may use the REST API and dashboards, and who may register agents: by the admin token, minted
// REST tokens, JWTs, and the enroll token. Pure. Not thread-safe: the hub's lock guards it.
#pragma once

#include "agent_credentials.hpp"
#include "minted_tokens.hpp"
#include "plugins/hub/core/access.hpp"

#include "base/hash.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace agenthost::hub {

class CallerCredentials {
public:
    CallerCredentials(const MintedTokens& minted, const AgentCredentials& agents)
        : minted_{minted}, agents_{agents}
    {}

    void set_admin(std::optional<base::Sha256Digest> admin) { admin_ = admin; }
    void set_enroll_token(std::optional<base::Sha256Digest> token) { enroll_token_ = token; }

    // nullopt: the bearer token is not valid.
    [[nodiscard]] std::optional<Caller> caller(std::string_view bearer, std::int64_t now_ms) const;
    [[nodiscard]] bool may_register(std::string_view bearer, std::int64_t now_ms) const;

private:
    const MintedTokens& minted_;
    const AgentCredentials& agents_;
    std::optional<base::Sha256Digest> admin_, enroll_token_;
};

} // namespace agenthost::hub
