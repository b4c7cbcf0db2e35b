// Signs and verifies JSON Web Tokens with libjwt. The key alone decides the algorithm, never the token: HS256
// for a shared secret, RS256 or ES256 for a private key. A token must have a subject, a role and an expiry.
//
// A Jwt is immutable and thread-safe. Error texts never contain a key or token.
#pragma once

#include "plugins/hub/core/access.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

struct Claims {
    std::string sub;
    Role role = Role::agent;
    std::optional<std::vector<std::string>> agents; // the agents a dashboard can see; absent: all
    std::int64_t iat = 0, exp = 0;                  // UTC s; iat 0: absent
    std::string jti;
};

class Jwt {
public:
    static constexpr std::size_t max_token = 8192; // larger ones are rejected without parsing
    static constexpr std::size_t min_secret = 32;  // RFC 7518, 3.2: as long as the hash

    // nullptr and `why`. `key`: PEM; an RSA key of at least 2048 bits or an EC key on P-256.
    static std::shared_ptr<const Jwt> of_secret(std::string secret, std::string& why);
    static std::shared_ptr<const Jwt> of_private_key(std::string key, std::string& why);

    [[nodiscard]] std::string sign(const Claims&) const; // throws std::runtime_error when libjwt cannot
    // nullopt and `why`: not a token, another algorithm, a wrong signature, expired, a missing or invalid
    // claim.
    [[nodiscard]] std::optional<Claims> verify(std::string_view token, std::int64_t now_s,
                                               std::string& why) const;
    [[nodiscard]] std::string_view algorithm() const;
    // Identifies the key; sessions remember the key that admitted them.
    [[nodiscard]] const std::string& fingerprint() const { return fingerprint_; }
    [[nodiscard]] const std::string& public_key() const { return check_; } // PEM; the secret for HS256

private:
    Jwt(int algorithm, std::string sign, std::string check);
    int algorithm_;            // jwt_alg_t
    std::string sign_, check_; // the signing and the verifying key: equal for HS256
    std::string fingerprint_;
};

} // namespace agenthost::hub
