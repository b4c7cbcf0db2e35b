#include "caller_credentials.hpp"

#include "digest.hpp"

#include <string>
#include <utility>

namespace agenthost::hub {

std::optional<Caller> CallerCredentials::caller(std::string_view bearer, std::int64_t now_ms) const
{
    if (bearer.empty()) return std::nullopt;
    const base::Sha256Digest given = base::sha256(bearer);
    std::optional<Caller> found;
    if (admin_ && same_digest(*admin_, given)) found = Caller{.role = Role::admin, .subject = "admin"};
    if (const MintedToken* token = minted_.find(given))
        found = Caller{.role = Role::admin, .subject = token->id};
    if (found || !agents_.jwt()) return found;
    std::string why;
    auto claims = agents_.jwt()->verify(bearer, now_ms / 1000, why);
    if (!claims || minted_.denied(claims->jti)) return std::nullopt;
    if (claims->role == Role::agent && !agents_.admits(claims->sub, agents_.proof_of(*claims), now_ms))
        return std::nullopt;
    return Caller{.role = claims->role,
                  .subject = std::move(claims->sub),
                  .agents = std::move(claims->agents),
                  .expires = claims->exp * 1000};
}

bool CallerCredentials::may_register(std::string_view bearer, std::int64_t now_ms) const
{
    if (enroll_token_) return !bearer.empty() && same_digest(*enroll_token_, base::sha256(bearer));
    const auto found = caller(bearer, now_ms);
    return found && found->role == Role::admin;
}

} // namespace agenthost::hub
