// "{public_ip}" in a URL: this machine's public address, from the EC2 metadata service. Blocking, a second at most each step.
#pragma once

#include <optional>
#include <string>

namespace agenthost::host {

inline constexpr std::string_view public_ip_word = "{public_ip}";

// IMDSv2 (a session token), then v1. nullopt: why (what, where, how to fix). The service's base URL is AGENTHOST_METADATA_URL when that
// is set (tests, other clouds with the same service), else http://169.254.169.254.
std::optional<std::string> public_ip(std::string& why);

// Its place in `url` filled; an IPv6 address gets brackets.
std::string with_public_ip(std::string url, const std::string& address);

} // namespace agenthost::host
