// The limits of one WebSocket. Small until the plugin knows the peer. A value.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace agenthost::host::listener {

struct WebSocketLimits {
    std::uint64_t message_bytes = 4096, send_queue = 65'536;
    // Until the first message.
    std::chrono::milliseconds idle{10'000};
    // Between pings; 0: none.
    std::chrono::milliseconds ping{30'000};
    // Without any input, not even a pong, the connection is closed; 0: only pings find that.
    std::chrono::milliseconds silent{0};
    // Messages of at least this many bytes are compressed; 0: none. Applies to the upgrade only, and only if
    // the peer offers compression.
    std::uint64_t compress_from = 0;
};

// Changes the limits that `json` contains; false: not an object of numbers.
bool merge_limits(WebSocketLimits&, std::string_view json);

} // namespace agenthost::host::listener
