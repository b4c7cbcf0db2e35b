// All credentials that the hub knows, in the parts that use each other.
//
//   minted       REST tokens and JWTs that this hub issued to people and programs
//   enrolments   the agents' rows: their credentials from this hub, revocations
//   agents       which agents may connect
//   callers      who may use the REST API, dashboards and registration
//
// Features receive only the part that they use. Not thread-safe: the hub's lock guards it.
#pragma once

#include "agent_credentials.hpp"
#include "caller_credentials.hpp"
#include "enrolments.hpp"
#include "minted_tokens.hpp"

namespace agenthost::hub {

struct Credentials {
    Credentials() = default;
    // The parts refer to each other.
    Credentials(const Credentials&) = delete;
    Credentials& operator=(const Credentials&) = delete;

    MintedTokens minted;
    Enrolments enrolments;
    AgentCredentials agents{enrolments, minted};
    CallerCredentials callers{minted, agents};
};

} // namespace agenthost::hub
