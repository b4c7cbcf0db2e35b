#include "route_match.hpp"

namespace agenthost::host::listener {

RouteMatch match_route(Routes& routes, std::string_view listener, const RequestHead& head)
{
    const Handshake handshake = websocket_handshake(head.request);
    const auto match = [&](bool websocket) { return routes.match(listener, websocket, head.target.path); };
    RouteMatch found;
    if (handshake != Handshake::no) found.route = match(true);
    found.websocket = found.route != nullptr;
    if (!found.route) found.route = match(false);
    if (!found.route) {
        const RoutePtr other = handshake == Handshake::no ? match(true) : nullptr;
        if (other) {
            Routes::release(*other);
            found.refusal = {426, "UPGRADE_REQUIRED", "this path is a WebSocket", "Upgrade: websocket\r\n"};
        } else {
            found.refusal = {404, "NOT_FOUND", "no such path"};
        }
    } else if (found.websocket && (handshake == Handshake::bad || head.facts.body_unread)) {
        Routes::release(*found.route);
        found.route = nullptr;
        found.refusal = {400, "BAD_REQUEST", "not a WebSocket handshake of version 13",
                         "Sec-WebSocket-Version: 13\r\n"};
    }
    return found;
}

} // namespace agenthost::host::listener
