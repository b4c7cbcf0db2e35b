#pragma once

#include <cstdint>

namespace agenthost::hub_test {

// UTC ms
inline constexpr std::int64_t now = 1'800'000'000'000;

} // namespace agenthost::hub_test
