// Finds who an agent is to a server and what proves it: the configured credential, or a registration (registration.hpp), which is renewed
// when that is due. The protocol's row says which. Blocking; on a thread of off_thread.hpp.
#pragma once

#include "host/session/auth/registration.hpp"

#include <string>

namespace agenthost::host {

struct IdentityRequest {
    ServerConfig config;
    std::string state_dir;
    std::string capabilities; // JSON array, told at a registration
    int renewal = 0;          // wire::session::Open
};

struct Identity {
    std::string problem;   // what, where, how to fix; empty: the rest is good
    bool refused = false;  // with a problem: the server said no to who we are,
    bool renewable = true; // and another way to renew may help
    std::string notice;    // what went wrong and does not matter yet
    std::string credential;
    std::string agent_id;       // a registration's; empty: as configured
    std::string registered_url; // for a server that is configured without one
    std::int64_t refreshed_at = 0;
};
// `way`: TLS, proxy, insecure.
Identity identify(const IdentityRequest&, const HttpCall& way);

// Renews the token of a registration when that is due. The problem, or empty.
std::string refresh_registration(const IdentityRequest&, const HttpCall& way, std::int64_t& refreshed_at);
// Registers whatever is stored.
Registrar::Answer register_again(const IdentityRequest&, const HttpCall& way);
// For people: what a server without a registration lacks.
std::string why_not_registered(const ServerConfig&);

// SHA-256 of the secret as it is now, hex; empty when it cannot be read.
std::string secret_print(const SecretSource&);

} // namespace agenthost::host
