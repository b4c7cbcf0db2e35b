// USB printers whose behaviour differs from their descriptors, by vendor and product id. Pure.
#pragma once

#include <cstdint>
#include <span>

namespace agenthost::printer::usb {

struct Quirk {
    std::uint16_t vendor = 0;
    std::uint16_t product = 0;  // 0: all products of the vendor
    bool vendor_class = false;  // prints although its interface is of the vendor class (255)
    bool output_only = false;   // its IN endpoint must not be read
    bool keep_detached = false; // usblp is not bound again on release
};

// All quirks of one device combined. `configured`: from the configuration, in addition to the built-in ones.
Quirk quirk_of(std::uint16_t vendor, std::uint16_t product, std::span<const Quirk> configured = {});

} // namespace agenthost::printer::usb
