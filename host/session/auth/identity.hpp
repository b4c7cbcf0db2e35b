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
    // Sent with a registration: a JSON array, or an object (registration.hpp).
    std::string capabilities;
    // Of wire::session::Open.
    int renewal = 0;
};

struct Identity {
    // What, where, how to fix; empty: the other members are valid.
    std::string problem;
    // With a problem: the server rejected our identity.
    bool refused = false;
    // With a problem: another way to renew the credential may help.
    bool renewable = true;
    // A failure without consequences so far.
    std::string notice;
    std::string credential;
    // From the registration; empty: as configured.
    std::string agent_id;
    // For a server that is configured without a URL.
    std::string registered_url;
    // UTC ms; 0: not registered.
    std::int64_t refreshed_at = 0;
};
// `network`: TLS, proxy, insecure.
Identity identify(const IdentityRequest&, const HttpCall& network);

// Renews the token of a registration if due. Returns the problem, or empty.
std::string refresh_registration(const IdentityRequest&, const HttpCall& network, std::int64_t& refreshed_at);
// Registers even if a registration is stored.
Registrar::Answer register_again(const IdentityRequest&, const HttpCall& network);
// A readable text: what a server without a registration lacks.
std::string why_not_registered(const ServerConfig&);

// SHA-256 of the current secret, hex; empty and `why`, if given, if it cannot be read.
std::string secret_print(const SecretSource&, std::string* why = nullptr);

} // namespace agenthost::host
