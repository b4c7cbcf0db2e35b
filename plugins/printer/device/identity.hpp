// Names USB printers so that a name survives a replug, a reboot and a new bus address. Pure.
//
// A printer is named by its serial number, from the USB descriptor or else from its IEEE 1284 device id, if
// the serial is plausible and no other printer of this VID:PID shows it; else by the port that it is plugged
// into. The bus address is never part of a name.
//
// Texts: "usb:04b8:0e15#J8K9000123" (serial) and "usb:04b8:0e15@1-2.3" (port). Both hold the model, so that
// another printer in the same socket does not inherit the jobs of the one before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::printer {

// A printer that is plugged in now, as its descriptors describe it.
struct PresentPrinter {
    std::uint16_t vendor = 0, product = 0;
    // The USB serial number string in UTF-8 (empty: the device has none), the unparsed IEEE 1284 device id,
    // and the path of hub ports ("1-2.3").
    std::string serial, device_id, port;
};

// 4 to 126 characters of printable ASCII, not all the same, not a known placeholder ("0123456789", "none").
bool plausible_serial(std::string_view serial);

// A printer that has been seen, kept in the plugin's state.
struct KnownPrinter {
    // Its current name, and at most max_former_names earlier ones, latest first.
    std::string name;
    std::vector<std::string> former;
    // Where it was seen last.
    std::string port;
    bool operator==(const KnownPrinter&) const = default;
};

inline constexpr std::size_t max_former_names = 8;
inline constexpr std::size_t max_known_printers = 256;

struct KnownPrinters {
    // At most max_known_printers; those that were seen longest ago go first.
    std::vector<KnownPrinter> printers;
    // Names by serial that two printers have shown at once: never used again. At most max_known_printers.
    std::vector<std::string> shared;
    bool operator==(const KnownPrinters&) const = default;
};

// Names each of `present`, in its order, and brings `known` up to date. Names are unique. When a serial turns
// out to be shared, its printers are named by port; the one that is still in the socket where it was seen
// last keeps its former name as an alias.
std::vector<std::string> name_printers(std::span<const PresentPrinter> present, KnownPrinters& known);

// Whether `text`, as an administrator or a server wrote it, names this printer: its name, a former name, or
// its port ("usb:1-2.3").
bool is_called(const KnownPrinter& printer, std::string_view text);

} // namespace agenthost::printer
