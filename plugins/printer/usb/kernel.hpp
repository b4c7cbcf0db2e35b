// What the kernel tells about a USB device by its files: strings, drivers, who has it open. No libusb.
// Everything here may block and runs on a worker.
#pragma once

#include "facts.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace agenthost::printer::usb {

// Returns an attribute of a device ("serial", "product") or of its interface without white space at its ends,
// with control characters made visible, at most 126 characters; "" if the device does not have it.
std::string attribute(const std::string& port, std::string_view name);
// Returns the driver that is bound to the interface ("usblp"), or "".
std::string bound_driver(const Facts&);
// Returns the current alternate setting of the interface, or -1 if it is unknown.
int current_alternate(const Facts&);

// The IEEE 1284 id (GET_DEVICE_ID), which needs no claim. `error` is errno if the node could not be opened
// or did not answer.
std::string read_device_id(const Facts&, int& error);
// The text of a GET_DEVICE_ID answer: its length field is wrong on some printers. Pure.
std::string device_id_text(std::string_view answer);

struct Holder {
    pid_t pid = 0;
    std::string name;
};
// Processes that have the node open, this one left out. Needs root or the same user to see them all;
// bounded in time.
std::vector<Holder> holders_of(const std::string& node);

} // namespace agenthost::printer::usb
