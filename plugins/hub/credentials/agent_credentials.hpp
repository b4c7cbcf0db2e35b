// Decides which agents may connect: by a secret (from the credentials file, or minted), a JWT, or the
// configured trust in shops. The file's secrets stay in memory, because signed frames need them; minted
// secrets are derived again when needed; of everything else only the SHA-256 is kept. Comparison takes the
// same time for known and unknown ids. Pure. Not thread-safe: the hub's lock guards it.
#pragma once

#include "credentials_file.hpp"
#include "enrolments.hpp"
#include "jwt.hpp"
#include "keys.hpp"
#include "minted_tokens.hpp"

#include "base/hash.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace agenthost::hub {

// How a session was admitted; checked again whenever credentials change.
struct Proof {
    enum class Kind : std::uint8_t {
        trust,
        secret,
        jwt
    } kind = Kind::trust;                 // trust: a shop trusted by configuration
    base::Sha256Digest secret{};          // Kind::secret
    std::int64_t issued = 0, expires = 0; // Kind::jwt, UTC s
    std::string jti, key;                 // Kind::jwt; key: Jwt::fingerprint

    static Proof by_secret(std::string_view secret)
    {
        return {.kind = Kind::secret, .secret = base::sha256(secret)};
    }
};

class AgentCredentials {
public:
    AgentCredentials(const Enrolments& enrolments, const MintedTokens& minted)
        : enrolments_{enrolments}, minted_{minted}
    {}

    void set_listed(ListedAgents listed) { listed_ = std::move(listed); }
    void set_jwt(std::shared_ptr<const Jwt> jwt) { jwt_ = std::move(jwt); }
    void set_root(const RootKey* root) { root_ = root; }
    void trust_shops(bool trust) { trust_shops_ = trust; }

    // Verifies an agent's JWT and returns the agent it names; nullopt and `why`: not an agent's JWT, or no
    // longer valid.
    [[nodiscard]] std::optional<std::pair<std::string, Proof>>
    by_jwt(std::string_view token, std::int64_t now_ms, std::string& why) const;
    // The proof of a verified JWT.
    [[nodiscard]] Proof proof_of(const Claims&) const;
    // Whether the proof is (still) valid. Kind::trust only admits ids without any enrolment, neither in the
    // file nor in the table.
    [[nodiscard]] bool admits(std::string_view agent, const Proof&, std::int64_t now_ms) const;
    // The secret itself, for signed frames; nullopt: no known secret.
    [[nodiscard]] std::optional<std::string> secret_of(std::string_view agent) const;
    // Whether the agent has a credential.
    [[nodiscard]] bool knows(std::string_view agent) const;
    // Whether it has a credential, or needs none (a shop trusted by configuration).
    [[nodiscard]] bool may_admit(std::string_view agent) const;
    [[nodiscard]] const Enrolment* enrolment(std::string_view agent) const { return enrolments_.find(agent); }
    // The secret that an enrolment with this salt has.
    [[nodiscard]] std::string derived_secret(std::string_view agent, std::string_view salt) const;

    [[nodiscard]] const ListedAgents& listed() const { return listed_; }
    [[nodiscard]] const std::shared_ptr<const Jwt>& jwt() const { return jwt_; }

private:
    // Whether it is admitted without a credential, as a shop.
    [[nodiscard]] bool trusts(std::string_view id) const;
    [[nodiscard]] bool issued_too_early(const Enrolment*, std::int64_t issued) const;

    const Enrolments& enrolments_;
    const MintedTokens& minted_;
    ListedAgents listed_;
    std::shared_ptr<const Jwt> jwt_;
    const RootKey* root_ = nullptr;
    bool trust_shops_ = false;
};

} // namespace agenthost::hub
