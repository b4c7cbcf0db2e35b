// Chooses the interface that prints from a configuration's descriptors. Pure.
#pragma once

#include "facts.hpp"
#include "quirks.hpp"

#include <libusb.h>

#include <optional>

namespace agenthost::printer::usb {

// Printer class interfaces, or those of the vendor class if the quirk says so. Interfaces that also answer
// (7/1/2) come before those that only take data (7/1/1); IPP over USB (7/1/4) is another protocol and left
// out. Returns nullopt if the device is not a printer, and an interface without an OUT endpoint only if no
// interface has one.
std::optional<Interface> choose_interface(const libusb_config_descriptor&, const Quirk&);

} // namespace agenthost::printer::usb
