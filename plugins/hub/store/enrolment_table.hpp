// The tables of credentials: enrolled agents and minted JWTs. Secrets are stored as SHA-256 or not at all.
// The default implementation is SQLite (store/enrolment.hpp). Callbacks follow the rules of tables.hpp.
#pragma once

#include "plugins/hub/core/access.hpp"

#include "base/hash.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::hub {

struct Enrolment {
    std::string id, name;
    std::string protocol; // the protocol it was created for; empty: any that uses a secret
    std::optional<base::Sha256Digest> secret; // of the secret that storage, print and signed agents present
    std::string salt; // the secret is derived with it (keys.hpp); empty: created by an older hub
    // Refresh tokens: the valid one first, then old ones, to detect their reuse. Empty: none is valid.
    std::vector<base::Sha256Digest> refresh;
    // The jti of the JWT that was issued with the valid refresh token. Empty: one of the two was used since,
    // so the agent has received them (or they were issued by an older hub).
    std::string unproven;
    bool refresh_void = false;      // an old one was reused: none is valid until the agent registers again
    std::int64_t refresh_until = 0; // UTC ms
    std::int64_t valid_from = 0;    // UTC s: JWTs issued before are rejected
    std::int64_t created = 0;       // UTC ms
    bool jwt = false;               // the agent was given a JWT
    bool revoked = false;           // rejects the id, even if the credentials file lists it
    // Has no credential from this hub: it was admitted by a JWT that was signed elsewhere with the hub's key.
    bool foreign = false;
    std::int64_t tokens_until = 0; // UTC s: expiry of its last known JWT
    std::uint64_t version = 0;     // of the row; 0: there is no row

    // A tombstone: admits nobody and is kept only to reject (revoked, or JWTs issued before valid_from).
    [[nodiscard]] bool is_tombstone() const
    {
        return revoked || (!jwt && !secret && !foreign && refresh.empty() && valid_from > 0);
    }
};

// A JWT minted for a person or a program, recorded so that it can be listed and revoked. The token itself is
// not stored.
struct MintedJwt {
    std::string jti, label, subject;
    Role role = Role::dashboard;
    std::optional<std::vector<std::string>> agents;
    std::int64_t created = 0, expires = 0; // UTC ms; the row is deleted after expiry
    bool revoked = false;
};

enum class Written : std::uint8_t {
    done,
    changed, // nothing was written: the row's version differs from the expected one
    failed   // the disk refused
};

class EnrolmentTable {
public:
    virtual ~EnrolmentTable() = default;
    // Compare-and-set: writes (or removes) the row only if it still has the version `expected`; 0: only if
    // there is no row. Callbacks run in commit order.
    virtual bool save(const Enrolment&, std::uint64_t expected, std::function<void(Written)>) = 0;
    virtual bool remove(std::string id, std::uint64_t expected, std::function<void(Written)>) = 0;
    virtual bool save(const MintedJwt&, std::function<void(bool ok)>) = 0;
    virtual bool remove_jwt(std::string jti, std::function<void(bool ok)>) = 0;
};

} // namespace agenthost::hub
