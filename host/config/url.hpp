// As much of a URL as the configuration has to judge: scheme, host, port, and whether it stays on this machine.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace agenthost::host::conf {

struct Url {
    std::string scheme, userinfo, host, port,
        target; // host without brackets; port: the scheme's when none is written; target from '/'
    [[nodiscard]] bool secure() const { return scheme == "wss" || scheme == "https"; }
};
std::optional<Url> parse_url(std::string_view);

bool is_loopback(std::string_view host); // localhost, 127.0.0.0/8, ::1, ::ffff:127.x

struct Bind {
    std::string address; // a numeric one, without brackets
    std::string port;
    bool every =
        false; // "*:3001" or ":3001", address "::": every address there is, IPv4 alone on a machine without IPv6
};
std::optional<Bind> parse_bind(std::string_view); // "127.0.0.1:3001", "[::1]:0", "[::]:3001", "*:3001"
// What is wrong with a text that parse_bind refuses, and what to write instead.
std::string why_no_bind(std::string_view);

// Safe to show: user info and the values of the query are cut.
std::string redact_url(std::string_view);
// Does a name of a header, query key or setting sound like a secret's?
bool sounds_secret(std::string_view name);

} // namespace agenthost::host::conf
