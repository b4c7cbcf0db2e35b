// Returns the time as messages contain it: UTC in ms. Any thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace agenthost::host {

inline std::int64_t utc_ms()
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

} // namespace agenthost::host
