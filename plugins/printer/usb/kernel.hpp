// Reads what the kernel publishes about a USB device: strings, drivers, the processes that have it open. Does
// not use libusb. All functions may block and run on a worker.
#pragma once

#include "facts.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace agenthost::printer::usb {

// An attribute of a device ("serial", "product") or of its interface: at most 126 characters, trimmed,
// control characters made visible. Empty: no such attribute.
std::string attribute(const std::string& port, std::string_view name);
// The driver that is bound to the interface, for example "usblp". Empty: none.
std::string bound_driver(const Facts&);
// Returns the current alternate setting of the interface, or -1 if it is unknown.
int current_alternate(const Facts&);

// Reads the IEEE 1284 device id (GET_DEVICE_ID), which needs no claim. `error` is set to errno if the node
// could not be opened or the device did not answer.
std::string read_device_id(const Facts&, int& error);
// The text of a GET_DEVICE_ID response. Its length field is wrong on some printers. Pure.
std::string device_id_text(std::string_view answer);

struct Holder {
    pid_t pid = 0;
    std::string name;
};
// The other processes that have the node open. Sees only those of the same user, unless it runs as root.
// Stops after a bounded time.
std::vector<Holder> holders_of(const std::string& node);

} // namespace agenthost::printer::usb
