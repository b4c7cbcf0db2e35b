#include "examine.hpp"

#include "descriptors.hpp"
#include "handle.hpp"
#include "kernel.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

namespace agenthost::printer::usb {

namespace {

constexpr int max_depth = 7; // of hubs, by the USB specification

struct FreeConfiguration {
    void operator()(libusb_config_descriptor* raw) const { libusb_free_config_descriptor(raw); }
};

std::string port_of(libusb_device* device)
{
    std::array<std::uint8_t, max_depth> ports{};
    const int depth = libusb_get_port_numbers(device, ports.data(), max_depth);
    std::string out = std::to_string(libusb_get_bus_number(device));
    for (int i = 0; i < depth; ++i) {
        out += i == 0 ? '-' : '.';
        out += std::to_string(ports[static_cast<std::size_t>(i)]);
    }
    return out;
}

std::string node_of(libusb_device* device)
{
    std::array<char, 48> out{};
    std::snprintf(out.data(), out.size(), "/dev/bus/usb/%03u/%03u", unsigned{libusb_get_bus_number(device)},
                  unsigned{libusb_get_device_address(device)});
    return out.data();
}

} // namespace

std::optional<Facts> examine(const DeviceRef& device, std::span<const Quirk> configured)
{
    libusb_device_descriptor ids{};
    libusb_config_descriptor* raw = nullptr;
    if (libusb_get_device_descriptor(device.raw(), &ids) != 0 ||
        libusb_get_active_config_descriptor(device.raw(), &raw) != 0)
        return std::nullopt;
    const std::unique_ptr<libusb_config_descriptor, FreeConfiguration> configuration{raw};
    const auto interface =
        choose_interface(*configuration, quirk_of(ids.idVendor, ids.idProduct, configured));
    if (!interface) return std::nullopt;
    Facts out{.vendor = ids.idVendor,
              .product = ids.idProduct,
              .port = port_of(device.raw()),
              .node = node_of(device.raw()),
              .interface = *interface};
    out.manufacturer = attribute(out.port, "manufacturer");
    out.model = attribute(out.port, "product");
    out.serial = attribute(out.port, "serial");
    out.kernel_driver = bound_driver(out);
    if (!out.interface.printer_class) return out;
    int error = 0;
    out.device_id = read_device_id(out, error);
    if (error == EACCES || error == EPERM) out.trouble = denied_error(out);
    return out;
}

} // namespace agenthost::printer::usb
