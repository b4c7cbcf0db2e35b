// Reads the credentials file (agents and their secrets) and checks secrets that people choose. The functions
// that take a path read files and block: call them on the hub's worker.
#pragma once

#include "plugins/hub/core/config.hpp"

#include "base/hash.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::hub {

struct ListedAgent {
    std::string secret;
    base::Sha256Digest digest{};
};
using ListedAgents = std::map<std::string, ListedAgent, std::less<>>; // by id

inline constexpr std::size_t min_secret = 8; // characters of any secret that people choose
// The problem with a token that a person chose; empty: none.
std::string too_short(std::string_view token);

// nullopt and `why` (what, where, how to fix; no secret in it).
std::optional<ListedAgents> read_credentials_file(const std::string& path, std::string& why);
std::optional<ListedAgents> parse_credentials(const std::string& yaml, const std::string& path,
                                              std::string& why);
using base::read_secret;

// Changes whenever the file's content may have changed: device, inode, size, times. Empty: no file.
std::string fingerprint(const std::string& path);

} // namespace agenthost::hub
