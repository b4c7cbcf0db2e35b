#include "quirks.hpp"

#include <array>

namespace agenthost::printer::usb {

namespace {

// Receipt and label printers, and USB adapters in front of parallel ones. Source of the facts: the quirk
// list of CUPS' USB backend.
constexpr std::array table{
    Quirk{.vendor = 0x04b8, .product = 0x0202, .vendor_class = true}, // Epson TM, M129C
    Quirk{.vendor = 0x0519, .output_only = true},                     // Star Micronics
    Quirk{.vendor = 0x2730, .product = 0x2008, .output_only = true},  // Citizen CT-S4000
    Quirk{.vendor = 0x067b, .product = 0x2305, .output_only = true, .keep_detached = true}, // Prolific PL2305
    Quirk{.vendor = 0x1a86, .product = 0x7584, .keep_detached = true},                      // QinHeng CH340S
    Quirk{.vendor = 0x0a5f, .output_only = true, .keep_detached = true},                    // Zebra
    Quirk{.vendor = 0x067e, .keep_detached = true},                                         // Intermec
    Quirk{.vendor = 0x2d84, .output_only = true, .keep_detached = true},                    // Arkscan
};

} // namespace

Quirk quirk_of(std::uint16_t vendor, std::uint16_t product, std::span<const Quirk> configured)
{
    Quirk out{.vendor = vendor, .product = product};
    const auto add = [&](const Quirk& row) {
        if (row.vendor != vendor || (row.product != 0 && row.product != product)) return;
        out.vendor_class |= row.vendor_class;
        out.output_only |= row.output_only;
        out.keep_detached |= row.keep_detached;
    };
    for (const Quirk& row : table) add(row);
    for (const Quirk& row : configured) add(row);
    return out;
}

} // namespace agenthost::printer::usb
