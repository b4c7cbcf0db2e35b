// Why a printer does not print, from what it reports. Pure.
#pragma once

#include "values.hpp"

#include "plugins/printer/device/status.hpp"

#include <cstdint>

namespace agenthost::printer::job {

Condition condition_of(const Status&);
// The port status byte of a USB printer.
Condition condition_of_port(std::uint8_t);

} // namespace agenthost::printer::job
