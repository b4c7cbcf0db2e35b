// Decides who may connect and who may call: agents' secrets (from the credentials file, or minted), agents'
// JWTs, REST bearer tokens and JWTs. The file's secrets stay in memory, because signed frames need them;
// minted secrets are derived again when needed; of everything else only the SHA-256 is kept. Comparison takes
// the same time for known and unknown ids.
//
// Not thread-safe: the hub's lock guards it. The functions at the end read files and block: call them on the
// hub's worker.
#pragma once

#include "jwt.hpp"
#include "keys.hpp"
#include "plugins/hub/core/access.hpp"
#include "plugins/hub/core/config.hpp"
#include "plugins/hub/store/enrolment_table.hpp"
#include "plugins/hub/store/tables.hpp"

#include "base/hash.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

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
};

class Credentials {
public:
    static constexpr std::size_t max_tokens = 1'000; // REST tokens; each request is compared with all of them
    static constexpr std::size_t max_enrolled = 100'000; // agents with a credential from this hub
    static constexpr std::size_t max_foreign = 100'000;  // agents known by JWTs signed elsewhere
    static constexpr std::size_t max_stones = 200'000;   // tombstones; enrolment_book.hpp keeps fewer
    static constexpr std::size_t min_secret = 8;         // characters of any secret that people choose
    static constexpr std::size_t max_jwts = 10'000;      // listed for people and programs

    struct Listing {
        std::string secret;
        base::Sha256Digest digest{};
    };
    using Listed = std::map<std::string, Listing, std::less<>>;

    void set_listed(Listed listed) { listed_ = std::move(listed); }
    void set_admin(std::optional<base::Sha256Digest> admin) { admin_ = admin; }
    void set_enroll(std::optional<base::Sha256Digest> enroll) { enroll_ = enroll; }
    void set_jwt(std::shared_ptr<const Jwt> jwt) { jwt_ = std::move(jwt); }
    void set_root(const RootKey* root) { root_ = root; }
    void trust_shops(bool trust) { trust_shops_ = trust; }
    void put(Enrolment); // committed rows only; called by EnrolmentBook and at start-up
    void put(MintedToken);
    void put(MintedJwt);
    void remove_agent(std::string_view id);
    void remove_token(std::string_view id);
    void remove_jwt(std::string_view jti);

    // --- agents ---
    [[nodiscard]] static Proof by_secret(std::string_view secret)
    {
        return {.kind = Proof::Kind::secret, .secret = base::sha256(secret)};
    }
    // Verifies an agent's JWT and returns the agent it names; nullopt and `why`: not an agent's JWT, or no
    // longer valid.
    [[nodiscard]] std::optional<std::pair<std::string, Proof>>
    by_jwt(std::string_view token, std::int64_t now_ms, std::string& why) const;
    // Whether the proof is (still) valid. Kind::trust only admits ids without any enrolment, neither in the
    // file nor in the table.
    [[nodiscard]] bool admits(std::string_view agent, const Proof&, std::int64_t now_ms) const;
    // The secret itself, for signed frames; nullopt: no known secret.
    [[nodiscard]] std::optional<std::string> secret_of(std::string_view agent) const;
    [[nodiscard]] bool knows(std::string_view agent) const;
    [[nodiscard]] bool revoked(std::string_view agent) const;
    [[nodiscard]] const Enrolment* enrolment(std::string_view agent) const;
    // UTC s: JWTs issued before this time are rejected for ids without an enrolment (merged tombstones).
    [[nodiscard]] std::int64_t floor() const;
    struct Counts { // of enrolled()
        std::size_t ours = 0, foreign = 0, stones = 0;
    };
    [[nodiscard]] const Counts& counts() const { return counts_; }
    [[nodiscard]] bool foreign_full() const { return counts_.foreign + reserved_.size() >= max_foreign; }
    // Reserves an id that a JWT has admitted and whose row is not on disk yet: Kind::trust does not admit it.
    void reserve(const std::string& agent) { reserved_.insert(agent); }
    void release(const std::string& agent) { reserved_.erase(agent); }
    [[nodiscard]] std::uint64_t next_version() { return ++last_version_; } // of an enrolment's row
    [[nodiscard]] std::string derived_secret(std::string_view agent, std::string_view salt) const;
    [[nodiscard]] const Listed& listed() const { return listed_; }
    [[nodiscard]] const std::map<std::string, Enrolment, std::less<>>& enrolled() const { return enrolled_; }
    // (the row with the empty id holds for JWTs of all ids without an enrolment of ours)

    // --- callers ---
    [[nodiscard]] bool has_admin() const { return admin_.has_value(); }
    [[nodiscard]] std::optional<Caller> caller(std::string_view bearer, std::int64_t now_ms) const;
    [[nodiscard]] bool may_register(std::string_view bearer, std::int64_t now_ms) const;
    [[nodiscard]] const std::shared_ptr<const Jwt>& jwt() const { return jwt_; }
    [[nodiscard]] const std::map<std::string, MintedToken, std::less<>>& tokens() const { return tokens_; }
    [[nodiscard]] const std::map<std::string, MintedJwt, std::less<>>& jwts() const { return jwts_; }

private:
    [[nodiscard]] bool denied(std::string_view jti) const;
    [[nodiscard]] bool issued_too_early(const Enrolment*, std::int64_t issued) const;
    void count(const Enrolment&, bool add);

    Counts counts_;
    std::uint64_t last_version_ = 0;
    Listed listed_;
    std::map<std::string, Enrolment, std::less<>> enrolled_;
    std::set<std::string, std::less<>> reserved_; // at most max_foreign
    std::map<std::string, MintedToken, std::less<>> tokens_;
    std::map<std::string, MintedJwt, std::less<>> jwts_;
    std::optional<base::Sha256Digest> admin_, enroll_;
    std::shared_ptr<const Jwt> jwt_;
    const RootKey* root_ = nullptr;
    bool trust_shops_ = false;
};

// The problem with a token that a person chose; empty: none.
std::string too_short(std::string_view token);

// nullopt and `why` (what, where, how to fix; no secret in it).
std::optional<Credentials::Listed> read_credentials_file(const std::string& path, std::string& why);
std::optional<Credentials::Listed> parse_credentials(const std::string& yaml, const std::string& path,
                                                     std::string& why);
using base::read_secret;

// Changes whenever the file's content may have changed: device, inode, size, times. Empty: no file.
std::string fingerprint(const std::string& path);

} // namespace agenthost::hub
