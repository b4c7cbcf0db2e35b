// "{public_ip}" in a URL: this machine's public address, from the EC2 metadata service. Blocking; each step
// takes at most 1 s.
#pragma once

#include <optional>
#include <string>

namespace agenthost::host {

inline constexpr std::string_view public_ip_placeholder = "{public_ip}";

// Tries IMDSv2 (with a session token), then v1. nullopt: `why` says what, where and how to fix. The base
// URL is AGENTHOST_METADATA_URL if set (tests, other clouds with the same service), else
// http://169.254.169.254.
std::optional<std::string> public_ip(std::string& why);

// Replaces the placeholder in `url`; an IPv6 address gets brackets.
std::string with_public_ip(std::string url, const std::string& address);

} // namespace agenthost::host
