// Finds the route that serves a request, or the reason why none does. Thread-safe, no state; private to
// host/listener.
#pragma once

#include "host/listener/request_head.hpp"
#include "host/listener/routes.hpp"

#include <optional>
#include <string_view>

namespace agenthost::host::listener {

struct RouteMatch {
    // Matched, see Routes::match(): the caller calls Routes::release(). Null: see `refusal`.
    RoutePtr route;
    // The route is a WebSocket's, and the request is a valid handshake.
    bool websocket = false;
    std::optional<Refusal> refusal;
};
RouteMatch match_route(Routes&, std::string_view listener, const RequestHead&);

} // namespace agenthost::host::listener
