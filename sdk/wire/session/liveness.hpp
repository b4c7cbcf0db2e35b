// Detects a dead peer. Checked once per interval by a counter, so that a message costs an increment instead
// of a timer.
#pragma once

#include <cstdint>

namespace agenthost::wire {

// Any inbound frame, ping or pong is a sign of life; after two intervals without one the peer is dead.
class Liveness {
public:
    enum class Verdict { ping, dead };

    void begin(std::uint64_t arrived)
    {
        arrived_ = arrived, silent_ = 0;
    } // ready: the first ping is sent at once
    // `arrived`: the number of signs of life on this connection.
    Verdict tick(std::uint64_t arrived)
    {
        silent_ = arrived == arrived_ ? silent_ + 1 : 0;
        arrived_ = arrived;
        return silent_ >= 2 ? Verdict::dead : Verdict::ping;
    }

private:
    std::uint64_t arrived_ = 0;
    int silent_ = 0; // intervals
};

} // namespace agenthost::wire
