// What the hub remembers about credentials: agents it enrolled, JWTs it minted. Secrets are kept as SHA-256, or not at all.
// The embedded default is SQLite (store/enrolment.hpp). Answers come as tables.hpp says.
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
    std::string protocol;                     // the one it was made for; empty: any that takes a secret
    std::optional<base::Sha256Digest> secret; // of what storage, print and signed agents present
    std::string salt; // the secret is derived with it (keys.hpp); empty: made by an older hub
    // Refresh tokens: the valid one first, then old ones, so that their use is noticed. Empty: none is valid.
    std::vector<base::Sha256Digest> refresh;
    bool refresh_void = false;      // an old one was used: none is valid until it registers again
    std::int64_t refresh_until = 0; // UTC ms
    std::int64_t valid_from = 0;    // UTC s: JWTs issued before are refused
    std::int64_t created = 0;       // UTC ms
    bool jwt = false;               // it was given a JWT
    bool revoked = false;           // refuses the id, also when the credentials file lists it
    // It has no credential of ours: it was admitted by a JWT that was signed elsewhere with the hub's key.
    bool foreign = false;
    std::int64_t tokens_until = 0; // UTC s: when the last JWT that is known of it expires
    std::uint64_t version = 0;     // of the row; 0: there is no row

    // A tombstone: it admits nobody and is kept for what it refuses (revoked, or JWTs issued before valid_from).
    [[nodiscard]] bool stone() const
    {
        return revoked || (!jwt && !secret && !foreign && refresh.empty() && valid_from > 0);
    }
};

// A JWT that was minted for a person or a program, so that it can be listed and revoked. The token is not kept.
struct MintedJwt {
    std::string jti, label, subject;
    Role role = Role::dashboard;
    std::optional<std::vector<std::string>> agents;
    std::int64_t created = 0, expires = 0; // UTC ms; the row goes when it has expired
    bool revoked = false;
};

enum class Written : std::uint8_t {
    done,
    changed, // nothing was written: the row no longer has the expected version
    failed   // the disk refused
};

class EnrolmentTable {
public:
    virtual ~EnrolmentTable() = default;
    // Compare and set: writes (or removes) the row only if it still has the version `expected`; 0: only if there is no row. Callbacks
    // come in the order of the commits.
    virtual bool save(const Enrolment&, std::uint64_t expected, std::function<void(Written)>) = 0;
    virtual bool remove(std::string id, std::uint64_t expected, std::function<void(Written)>) = 0;
    virtual bool save(const MintedJwt&, std::function<void(bool ok)>) = 0;
    virtual bool remove_jwt(std::string jti, std::function<void(bool ok)>) = 0;
};

} // namespace agenthost::hub
