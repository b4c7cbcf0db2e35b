// The hub's root key: 32 random bytes in a file of its state directory, mode 0600, created at the first
// start. Agents' minted secrets and, if none is configured, the JWT secret are derived from it, so that no
// table contains a usable secret. Blocking; start-up only.
#pragma once

#include "base/hash.hpp"

#include <string>
#include <string_view>

namespace agenthost::hub {

class RootKey {
public:
    // Reads or creates the key. Throws std::runtime_error: what, where, how to fix. `needed`: do not create
    // it, because credentials in the database were derived from the existing one; "hub.db has 3 agents that
    // it admits".
    explicit RootKey(const std::string& file, const std::string& needed = {});

    // 64 hex digits. A different purpose, name or salt gives a different secret.
    [[nodiscard]] std::string derive(std::string_view purpose, std::string_view name = {},
                                     std::string_view salt = {}) const;

private:
    std::string key_;
};

} // namespace agenthost::hub
