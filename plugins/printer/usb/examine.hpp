// Determines whether a device is a printer, and reads its facts without claiming it. May block: call it on a
// worker.
#pragma once

#include "context.hpp"
#include "facts.hpp"
#include "quirks.hpp"

#include <optional>
#include <span>

namespace agenthost::printer::usb {

// nullopt: not a printer.
std::optional<Facts> examine(const DeviceRef&, std::span<const Quirk> configured);

} // namespace agenthost::printer::usb
