// What the agent knows about a USB printer before it opens it: the input for its identity, profile and
// configuration. Plain data.
#pragma once

#include "plugins/printer/device/link.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace agenthost::printer::usb {

// Identifies a device while it is plugged in. A device that is plugged in again gets a new number. Numbers
// are never reused and never 0.
using DeviceNumber = std::uint64_t;

// The interface that accepts print data, from the descriptors.
struct Interface {
    int number = 0, alternate = 0;
    int alternates = 1;           // how many alternate settings the interface has
    std::uint8_t protocol = 0;    // 1: unidirectional, 2: bidirectional
    bool printer_class = true;    // false: vendor class, by a quirk; it has no device id and no port status
    std::uint8_t out = 0, in = 0; // endpoint addresses; 0: no such endpoint
    std::uint16_t out_packet = 0, in_packet = 0;
};

struct Facts {
    DeviceNumber number = 0;
    std::uint16_t vendor = 0, product = 0;
    // The device's string descriptors in UTF-8, at most 126 characters each, control characters made visible.
    // Empty: the device has no such string.
    std::string manufacturer, model, serial;
    // The IEEE 1284 device id ("MFG:...;MDL:...;"), at most 1,021 bytes, control characters made visible.
    // Empty: the device has none, or it could not be read.
    std::string device_id;
    // The path of hub ports where it is plugged in, as the kernel names it: "1-1.4".
    std::string port;
    std::string node;          // /dev/bus/usb/001/004; changes each time it is plugged in
    std::string kernel_driver; // the driver that was bound to the interface; empty: none
    Interface interface;
    // Why the agent could not open it to read the rest, for example a missing permission.
    std::optional<OpenError> trouble;
};

// "0fe6:811e".
std::string vendor_product(const Facts&);
// The device's name in messages: "printer POS-80 (0fe6:811e) at USB port 1-1.4".
std::string described(const Facts&);

} // namespace agenthost::printer::usb
