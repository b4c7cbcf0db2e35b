// What an emulated printer is made of: ids, strings, and its descriptors as bytes. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::usbsim {

// What the configuration descriptor has beside the plain printer.
enum class Shape {
    plain,      // one interface
    composite,  // a keyboard is interface 0, the printer interface 1
    alternates, // 7/1/1 without IN as alternate setting 0, 7/1/2 as 1, IPP over USB (7/1/4) as 2
    ipp,        // only IPP over USB: no printer for us
    mute,       // a printer interface without any endpoint
};

struct Spec {
    std::uint16_t vendor = 0x0fe6, product = 0x811e;
    std::string manufacturer = "SimCorp", model = "POS-80 Simulated";
    std::string serial = "SIM0001"; // empty: the device has none
    std::string device_id = "MFG:SimCorp;CMD:ESC/POS;MDL:POS-80;CLS:PRINTER;SN:SIM0001;";
    std::string port = "1-1"; // bus, then ports: also the name in sysfs
    Shape shape = Shape::plain;
    std::uint8_t interface_class = 7; // 255: vendor class
    bool input = true;                // has an IN endpoint
    std::uint16_t packet = 64;

    [[nodiscard]] int interface_number() const { return shape == Shape::composite ? 1 : 0; }
    // The device descriptor and the configuration descriptor, as sysfs has them.
    [[nodiscard]] std::vector<std::uint8_t> descriptors() const;
};

// Sets a field by its name ("vid=04b8", "serial=", "shape=composite"). Throws std::runtime_error.
void set_field(Spec&, std::string_view name, std::string_view value);

} // namespace agenthost::usbsim
