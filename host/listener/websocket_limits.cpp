#include "websocket_limits.hpp"

#include <simdjson.h>

#include <algorithm>

namespace agenthost::host::listener {

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
            limits.message_bytes = std::max<std::uint64_t>(whole, 1); // Beast takes 0 as unlimited
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

} // namespace agenthost::host::listener
