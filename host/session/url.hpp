// The URL of a server, taken apart and fit to be shown.
#pragma once

#include "netclient/url.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::host {

struct Url {
    bool tls = true;
    std::string host; // a name or an address, without brackets
    std::uint16_t port = 0;
    std::string target; // path and query, never empty; the query may be secret

    // For the Host header: brackets around IPv6, the port only when it is not the scheme's.
    [[nodiscard]] std::string authority() const;
    // "https://host:port/", http for ws and https for wss.
    [[nodiscard]] std::string origin() const { return (tls ? "https://" : "http://") + authority() + "/"; }
};

// ws://, wss:// and, for what answers upgrades there, http://, https://. nullopt and why not, without the query.
std::optional<Url> parse_url(std::string_view text, std::string& why);

using netclient::printable;
using netclient::shown_url;

} // namespace agenthost::host
