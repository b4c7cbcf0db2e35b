// Reads the address and port that a listener binds to.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace agenthost::host::conf {

struct Bind {
    // Numeric, without brackets.
    std::string address;
    std::string port;
    // "*:3001" or ":3001", address "::": every address there is, IPv4 alone on a machine without IPv6.
    bool every = false;
};

// "127.0.0.1:3001", "[::1]:0", "[::]:3001", "*:3001"
std::optional<Bind> parse_bind(std::string_view);

// What is wrong with a text that parse_bind refuses, and what to write instead.
std::string why_no_bind(std::string_view);

} // namespace agenthost::host::conf
