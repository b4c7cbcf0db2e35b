#include "websocket.hpp"

#include "host/listener/timed_websocket.hpp"

#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

namespace agenthost::host::listener {
namespace beast = boost::beast;
namespace websocket = beast::websocket;

std::shared_ptr<WebSocket> make_websocket(net::Stream stream, WebSocketLimits limits,
                                          const WebSocket::Request& request, WebSocketEvents& events,
                                          std::shared_ptr<void> owner)
{
    const bool may_compress =
        limits.compress_from > 0 &&
        beast::http::ext_list{request[beast::http::field::sec_websocket_extensions]}.exists(
            "permessage-deflate");
    const auto make = may_compress ? make_beast_websocket : make_frame_websocket;
    return make(std::move(stream), limits, events, std::move(owner));
}

Handshake websocket_handshake(const WebSocket::Request& request)
{
    using beast::http::field;
    if (!beast::http::token_list{request[field::upgrade]}.exists("websocket")) return Handshake::no;
    if (!websocket::is_upgrade(request)) return Handshake::bad;
    return request[field::sec_websocket_key].size() == 24 && request[field::sec_websocket_version] == "13"
               ? Handshake::good
               : Handshake::bad;
}

} // namespace agenthost::host::listener
