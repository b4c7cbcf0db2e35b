// Derives the settings of a session's parts from its server's configuration and its protocol's row.
// Pure.
#pragma once

#include "host/config/protocol_settings.hpp"
#include "host/dispatch/caller.hpp"
#include "host/session/http_call.hpp"
#include "host/session/link.hpp"
#include "host/session/prepare.hpp"
#include "wire/codec.hpp"
#include "wire/session/session.hpp"

#include <chrono>
#include <string>

namespace agenthost::host {

// The protocol's backoff, unless `reconnect` overrides it. `traits` null: an unknown protocol.
wire::SessionMachine::Options machine_options(const ServerConfig&, const wire::ProtocolTraits* traits);
Policy policy_of(const ServerConfig&);
// Frames are signed.
bool signs(const wire::ProtocolTraits* traits);
// How often a registration's token is renewed; 0: there is no registration.
std::chrono::milliseconds refresh_interval(const ServerConfig&);
// The TLS settings of its connections or REST calls; without files: it uses none.
netclient::TlsClientConfig tls_in_use(const ServerConfig&);
// For status and logs: of the session, or of the registration until it has named one.
std::string shown_url(const ServerConfig&);

Link::Options link_options(const ServerConfig&, Prepared, wire::Opening, const std::string& version);
// Asks the server's origin for its Date.
HttpCall date_call(const ServerConfig&, const Prepared&);

} // namespace agenthost::host
