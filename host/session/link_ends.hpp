// Describes how a connection to a server ended. Pure functions.
#pragma once

#include "host/session/link.hpp"
#include "netclient/url.hpp"

#include <boost/system/error_code.hpp>

#include <string_view>

namespace agenthost::host {

// The upgrade was answered with a status other than 101.
Link::End upgrade_declined(const netclient::Url&, unsigned status);
Link::End closed_by_server(int code, std::string_view reason);
// `seen`: the bytes around the fault, searched for an HTTP error.
Link::End broke_protocol(boost::system::error_code, std::string_view seen);

} // namespace agenthost::host
