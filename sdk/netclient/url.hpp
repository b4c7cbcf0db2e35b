// Parses URLs: http and https of transfers, ws and wss of servers. Strict, nothing is guessed: the host that
// is checked must be the host that is connected to (parsers that disagree are how filters are bypassed).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::netclient {

struct Url {
    // https or wss.
    bool tls = false;
    // Lower case; an IPv6 address without brackets.
    std::string host;
    std::uint16_t port = 0;
    // Path and query as they are sent, at least "/", without the fragment.
    std::string target;
    bool literal_v6 = false;

    // For the Host header: with the port unless it is the scheme's own.
    [[nodiscard]] std::string authority() const;
    // For people and logs: scheme, host and port. Path and query may be a one-time secret and are never
    // shown.
    [[nodiscard]] std::string redacted() const;
    // "https://host:port/", http for ws and https for wss: what same_origin() compares.
    [[nodiscard]] std::string origin() const { return redacted() + "/"; }
    [[nodiscard]] bool same_origin(const Url&) const;
    bool operator==(const Url&) const = default;
};

constexpr std::size_t max_url = 8192;

// nullopt and `why` when it is not an absolute http(s) URL. User info (user:password@) is refused.
std::optional<Url> parse_url(std::string_view text, std::string& why);

// The URL of a server in the configuration or a registration: ws, wss, and http or https for what answers
// upgrades there. Path and query stay as the administrator wrote them, without the fragment; blanks and
// control characters are refused. `why` quotes nothing of the URL; the caller says which one is meant.
std::optional<Url> parse_server_url(std::string_view text, std::string& why);

// A Location header against the URL it came from: absolute, //host, /path, ?query or relative. Spaces,
// non-ASCII bytes, brackets and braces, which servers forget to encode, are percent-encoded as browsers do.
std::optional<Url> resolve_url(const Url& base, std::string_view location, std::string& why);

// The part before "://", in lower case; empty: no scheme.
std::string scheme_of(std::string_view text);

// Both hide the whole user information, even if a password has a "/", "?" or "#" that must be
// percent-encoded.
//
// A URL as a log or a status may show it: without user and query.
std::string shown_url(std::string_view text);
// A URL as a listing of the configuration shows it: "***" in place of the user and of each value in the
// query.
std::string redact_url(std::string_view text);

// A peer's text, fit for a log line: at most `max` bytes, control characters as '?'.
std::string printable(std::string_view text, std::size_t max);

} // namespace agenthost::netclient
