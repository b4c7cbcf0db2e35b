// Chooses the interface that prints from a configuration's descriptors. Pure.
#pragma once

#include "facts.hpp"
#include "quirks.hpp"

#include <libusb.h>

#include <optional>

namespace agenthost::printer::usb {

// Considers printer class interfaces, and vendor class interfaces if the quirk allows them. Bidirectional
// interfaces (7/1/2) are preferred to unidirectional ones (7/1/1). IPP over USB (7/1/4) is a different
// protocol and ignored. nullopt: not a printer. An interface without an OUT endpoint is the last choice.
std::optional<Interface> choose_interface(const libusb_config_descriptor&, const Quirk&);

} // namespace agenthost::printer::usb
