// The clock of the codecs and the registration.
#pragma once

#include <cstdint>

namespace agenthost::host {

std::int64_t utc_now_ms();

} // namespace agenthost::host
