// Reads a number of CPU cores: 2, "0.5" or "150%". One grammar for payloads and for the node's configuration.
#pragma once

#include "document.hpp"

#include <cstdint>

namespace agenthost::docker {

// In billionths of a core, from 0.01 to 1024 cores. Throws CONFIG_INVALID: anything after the number, an
// exponent, or another value.
std::uint64_t read_nano_cpus(const Node&);

} // namespace agenthost::docker
