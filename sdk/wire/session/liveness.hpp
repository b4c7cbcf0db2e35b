// Is the peer still there? Asked once per interval; counts, so that a message costs an increment and never a timer.
#pragma once

#include <cstdint>

namespace agenthost::wire {

// Any inbound frame, ping or pong is a sign of life; two intervals without one are the end.
class Liveness {
public:
    enum class Verdict { ping, dead };

    void begin(std::uint64_t arrived)
    {
        arrived_ = arrived, silent_ = 0;
    } // ready: the first ping is sent at once
    // `arrived`: signs of life of the connection so far.
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
