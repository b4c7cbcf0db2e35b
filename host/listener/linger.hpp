// Reads and drops bytes that a peer still sends after our last answer. Closing at once would reset the
// connection, and the peer would lose the answer. Bounded in bytes here and in time by the caller's clock. On
// the connection's thread; private to host/listener.
#pragma once

#include "host/net/stream.hpp"

#include <chrono>
#include <cstdint>

namespace agenthost::host::listener {

// The time that the peer has to read our last answer.
constexpr std::chrono::seconds linger_timeout{2};
// Bytes that are read and dropped. Beyond that the peer blocks until it reads our answer or its time is up.
constexpr std::uint64_t max_lingering_bytes = 1 << 20;

enum class Lingering {
    // The socket is empty: wait until it is readable.
    wait,
    // Other connections are served first, then there may be more.
    more,
    // The peer has sent max_lingering_bytes: only the clock ends the connection.
    enough,
    // The peer has closed, or the connection is broken.
    ended
};
// `dropped` counts the bytes of this connection.
Lingering drop_input(net::Stream&, std::uint64_t& dropped);

} // namespace agenthost::host::listener
