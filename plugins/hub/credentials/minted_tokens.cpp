#include "minted_tokens.hpp"

#include "digest.hpp"

#include <utility>

namespace agenthost::hub {

void MintedTokens::put(MintedToken token)
{
    auto id = token.id;
    tokens_.insert_or_assign(std::move(id), std::move(token));
}

void MintedTokens::put(MintedJwt jwt)
{
    auto jti = jwt.jti;
    jwts_.insert_or_assign(std::move(jti), std::move(jwt));
}

void MintedTokens::remove_token(std::string_view id)
{
    if (const auto it = tokens_.find(id); it != tokens_.end()) tokens_.erase(it);
}

void MintedTokens::remove_jwt(std::string_view jti)
{
    if (const auto it = jwts_.find(jti); it != jwts_.end()) jwts_.erase(it);
}

const MintedToken* MintedTokens::find(const base::Sha256Digest& digest) const
{
    const MintedToken* found = nullptr;
    for (const auto& [id, token] : tokens_) { // all of them
        if (same_digest(token.token, digest)) found = &token;
    }
    return found;
}

bool MintedTokens::denied(std::string_view jti) const
{
    const auto it = jwts_.find(jti);
    return it != jwts_.end() && it->second.revoked;
}

} // namespace agenthost::hub
