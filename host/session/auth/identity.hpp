// Returns an agent's id and credential for a server: the configured credential, or a registration
// (registration.hpp), renewed when due. The protocol's row decides which. Blocking; call it on a thread of
// off_thread.hpp.
#pragma once

#include "host/session/auth/registration.hpp"

#include <string>

namespace agenthost::host {

struct IdentityRequest {
    ServerConfig config;
    std::string state_dir;
    std::string capabilities; // JSON array, sent with a registration
    int renewal = 0;          // wire::session::Open
};

struct Identity {
    std::string problem;   // what, where, how to fix; empty: the rest is good
    bool refused = false;  // with a problem: the server rejected our identity,
    bool renewable = true; // and another way to renew may help
    std::string notice;    // a failure without consequences yet
    std::string credential;
    std::string agent_id;       // from the registration; empty: as configured
    std::string registered_url; // for a server that is configured without a URL
    std::int64_t refreshed_at = 0;
};
// `way`: TLS, proxy, insecure.
Identity identify(const IdentityRequest&, const HttpCall& way);

// Renews the token of a registration if due. Returns the problem, or empty.
std::string refresh_registration(const IdentityRequest&, const HttpCall& way, std::int64_t& refreshed_at);
// Registers even if a registration is stored.
Registrar::Answer register_again(const IdentityRequest&, const HttpCall& way);
// A readable text: what a server without a registration lacks.
std::string why_not_registered(const ServerConfig&);

// SHA-256 of the current secret, hex; empty if it cannot be read.
std::string secret_print(const SecretSource&);

} // namespace agenthost::host
