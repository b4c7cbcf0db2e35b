// JSON Web Tokens, signed and checked by libjwt. The algorithm is the key's and nothing a token says changes it: HS256 for a shared
// secret, RS256 or ES256 for a private key by its kind. What a token must have: a subject, a role, an expiry.
//
// A Jwt is immutable; any thread. Errors say what and why, never with key or token in them.
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
    std::optional<std::vector<std::string>> agents; // whom a dashboard sees; absent: all
    std::int64_t iat = 0, exp = 0;                  // UTC s; iat 0: absent
    std::string jti;
};

class Jwt {
public:
    static constexpr std::size_t most_token = 8192; // larger ones are refused unread
    static constexpr std::size_t least_secret = 32; // RFC 7518, 3.2: as long as the hash

    // nullptr and `why`. `key`: PEM; an RSA key of at least 2048 bits or an EC key on P-256.
    static std::shared_ptr<const Jwt> of_secret(std::string secret, std::string& why);
    static std::shared_ptr<const Jwt> of_private_key(std::string key, std::string& why);

    [[nodiscard]] std::string sign(const Claims&) const; // throws std::runtime_error when libjwt cannot
    // nullopt and `why`: not a token, another algorithm, a wrong signature, expired, a claim that is missing or of another kind.
    [[nodiscard]] std::optional<Claims> verify(std::string_view token, std::int64_t now_s,
                                               std::string& why) const;
    [[nodiscard]] std::string_view algorithm() const;
    // The same key gives the same; sessions remember with which key they were admitted.
    [[nodiscard]] const std::string& fingerprint() const { return fingerprint_; }
    [[nodiscard]] const std::string& public_key() const { return check_; } // PEM; the secret for HS256

private:
    Jwt(int algorithm, std::string sign, std::string check);
    int algorithm_;            // jwt_alg_t
    std::string sign_, check_; // what signs, what checks: the same for HS256
    std::string fingerprint_;
};

} // namespace agenthost::hub
