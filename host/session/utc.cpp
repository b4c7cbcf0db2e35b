#include "utc.hpp"

#include <chrono>

namespace agenthost::host {

std::int64_t utc_now_ms()
{
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

} // namespace agenthost::host
