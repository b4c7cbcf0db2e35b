// The hub's own root key: 32 random bytes in a file of its state directory, mode 0600, made at the first start. Agents' minted secrets
// and, when none is configured, the JWT secret are derived from it, so that no table holds a secret that works. Blocking; start-up.
#pragma once

#include "base/hash.hpp"

#include <string>
#include <string_view>

namespace agenthost::hub {

base::Sha256Digest hmac_sha256(std::string_view key, std::string_view message);

std::string uuid(); // random, version 4, lower case

class RootKey {
public:
    // Reads or makes it. Throws std::runtime_error: what, where, how to fix. `needed`: it is not made, because a new one would not
    // be the one that the credentials in the database were made with; "hub.db has 3 agents that it admits".
    explicit RootKey(const std::string& file, const std::string& needed = {});

    // 64 hex digits. Another purpose, name or salt: another secret.
    [[nodiscard]] std::string derive(std::string_view purpose, std::string_view name = {},
                                     std::string_view salt = {}) const;

private:
    std::string key_;
};

} // namespace agenthost::hub
