// Returns the time of day as messages carry it. Any thread.
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
