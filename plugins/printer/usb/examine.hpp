// Finds out whether a device is a printer, and what there is to know about it without owning it. May block:
// on a worker.
#pragma once

#include "context.hpp"
#include "facts.hpp"
#include "quirks.hpp"

#include <optional>
#include <span>

namespace agenthost::printer::usb {

// Reads what identifies the device. Returns nullopt if it is not a printer.
std::optional<Facts> examine(const DeviceRef&, std::span<const Quirk> configured);

} // namespace agenthost::printer::usb
