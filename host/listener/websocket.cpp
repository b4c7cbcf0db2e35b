#include "websocket.hpp"

#include "host/listener/timed_websocket.hpp"

#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <simdjson.h>

#include <algorithm>

namespace agenthost::host::listener {
namespace beast = boost::beast;
namespace websocket = beast::websocket;

bool merge_limits(WebSocketLimits& limits, std::string_view json)
{
    if (json.empty()) return true;
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    if (parser.parse(json.data(), json.size()).get(object)) return false;
    for (const auto [key, value] : object) {
        double number = 0;
        if (value.get(number) || number < 0 || number > 1e12) return false;
        const auto whole = static_cast<std::uint64_t>(number);
        const std::chrono::milliseconds time{static_cast<std::int64_t>(std::min(number, 1e9) * 1000)};
        if (key == "message_bytes")
            limits.message_bytes = std::max<std::uint64_t>(whole, 1); // 0 would mean: no bound, to Beast
        else if (key == "send_queue")
            limits.send_queue = whole;
        else if (key == "idle_s")
            limits.idle = time;
        else if (key == "ping_s")
            limits.ping = time;
        else if (key == "silent_s")
            limits.silent = time;
        else if (key == "compress_from")
            limits.compress_from = whole;
    }
    return true;
}

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
