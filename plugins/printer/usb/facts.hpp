// What is known of a USB printer without owning it: the facts that identity, profile and configuration
// decide by. Plain data.
#pragma once

#include "plugins/printer/device/link.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace agenthost::printer::usb {

// Names a device while it is plugged in; a device that comes back has another number. Never used twice,
// never 0.
using DeviceNumber = std::uint64_t;

// The interface that takes a printer's data, from the descriptors.
struct Interface {
    int number = 0, alternate = 0;
    int alternates = 1;           // how many alternate settings the interface has
    std::uint8_t protocol = 0;    // 1: only takes data, 2: also answers
    bool printer_class = true;    // false: vendor class, by a quirk; it has no device id and no port status
    std::uint8_t out = 0, in = 0; // endpoint addresses; 0: no such endpoint
    std::uint16_t out_packet = 0, in_packet = 0;
};

struct Facts {
    DeviceNumber number = 0;
    std::uint16_t vendor = 0, product = 0;
    // From the device: UTF-8, control characters made visible, at most 126 characters; empty if it has none.
    std::string manufacturer, model, serial;
    // IEEE 1284 ("MFG:...;MDL:...;"), made visible, at most 1,021 bytes; empty if the device has none or
    // did not return it.
    std::string device_id;
    // Bus and ports, "1-1.4": the place where it is plugged in; the kernel's name of the device.
    std::string port;
    std::string node;          // /dev/bus/usb/001/004: changes at each plug
    std::string kernel_driver; // the driver bound to the interface at first, or empty
    Interface interface;
    // Why the agent could not look into it (permission); the rest is known nevertheless.
    std::optional<OpenError> trouble;
};

// "0fe6:811e".
std::string vendor_product(const Facts&);
// How a message names the device: "printer POS-80 (0fe6:811e) at USB port 1-1.4".
std::string described(const Facts&);

} // namespace agenthost::printer::usb
