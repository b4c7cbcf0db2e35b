// The URL of a server: netclient's, under the names that the session uses.
#pragma once

#include "netclient/url.hpp"

namespace agenthost::host {

using netclient::printable;
using netclient::shown_url;
using netclient::Url;

// Of ws://, wss://, http:// or https://. nullopt and why not, without the query.
inline std::optional<Url> parse_url(std::string_view text, std::string& why)
{
    return netclient::parse_server_url(text, why);
}

} // namespace agenthost::host
