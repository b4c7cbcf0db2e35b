// What an agent's upgrade request proves, protocol by protocol, before the 101. Pure.
//
//   storage    nothing: the first frame carries id and token
//   panel      Authorization: Bearer JWT; X-Agent-ID, X-Node-Id or ?nodeId=, when present, its subject; nothing follows
//   print      X-Shop-Id, and Authorization: Bearer where the shop has a credential; then `register`
//   dashboard  ?token=JWT (or Authorization); then `agent:connect` of the agent it names
//   signed     nothing: the first frame is signed
#pragma once

#include "plugins/hub/credentials/credentials.hpp"
#include "plugins/hub/http/http.hpp"

#include "wire/codec.hpp"

#include <optional>
#include <string>

namespace agenthost::hub {

struct Opening {
    std::string refused;        // not empty: 401, and this is why; no secret in it
    std::string agent;          // proved, or claimed by a print shop; empty: the first frame tells
    std::optional<Proof> proof; // nullopt: the first frame carries it
    bool ready = false;         // no first frame is waited for
};
Opening opening(wire::Protocol, const Head&, const Credentials&, std::int64_t now_ms);

Answer unauthorized(std::string_view why);

// "Fri, 20 Nov 2026 18:00:00 GMT": agents of the signed protocol measure their clock by it.
std::string http_date(std::int64_t utc_ms);

} // namespace agenthost::hub
