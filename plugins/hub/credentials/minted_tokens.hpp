// Keeps the REST tokens and JWTs that this hub issued to people and programs, as their tables have them. Of a
// token only the SHA-256 is kept, of a JWT its id. Pure. Not thread-safe: the hub's lock guards it.
#pragma once

#include "plugins/hub/store/enrolment_table.hpp"
#include "plugins/hub/store/tables.hpp"

#include "base/hash.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace agenthost::hub {

class MintedTokens {
public:
    static constexpr std::size_t max_tokens = 1'000; // REST tokens; each request is compared with all of them
    static constexpr std::size_t max_jwts = 10'000;

    void put(MintedToken); // committed rows only
    void put(MintedJwt);
    void remove_token(std::string_view id);
    void remove_jwt(std::string_view jti);

    // The REST token with this digest; nullptr: none. Takes the same time for every token.
    [[nodiscard]] const MintedToken* find(const base::Sha256Digest&) const;
    // Whether the JWT was revoked.
    [[nodiscard]] bool denied(std::string_view jti) const;

    [[nodiscard]] const std::map<std::string, MintedToken, std::less<>>& tokens() const { return tokens_; }
    [[nodiscard]] const std::map<std::string, MintedJwt, std::less<>>& jwts() const { return jwts_; }

private:
    std::map<std::string, MintedToken, std::less<>> tokens_;
    std::map<std::string, MintedJwt, std::less<>> jwts_;
};

} // namespace agenthost::hub
