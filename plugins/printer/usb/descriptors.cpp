#include "descriptors.hpp"

#include <span>

namespace agenthost::printer::usb {

namespace {

constexpr int printer_subclass = 1, ipp_over_usb = 4;
constexpr unsigned packet_bits = 0x07ff; // the rest of wMaxPacketSize says how many packets a microframe has

bool prints(const libusb_interface_descriptor& setting, const Quirk& quirk)
{
    if (quirk.vendor_class && setting.bInterfaceClass == LIBUSB_CLASS_VENDOR_SPEC) return true;
    return setting.bInterfaceClass == LIBUSB_CLASS_PRINTER &&
           setting.bInterfaceSubClass == printer_subclass && setting.bInterfaceProtocol != ipp_over_usb;
}

Interface read_setting(const libusb_interface_descriptor& setting, int alternates, const Quirk& quirk)
{
    Interface out{.number = setting.bInterfaceNumber,
                  .alternate = setting.bAlternateSetting,
                  .alternates = alternates,
                  .protocol = setting.bInterfaceProtocol,
                  .printer_class = setting.bInterfaceClass == LIBUSB_CLASS_PRINTER};
    for (const auto& endpoint : std::span{setting.endpoint, setting.bNumEndpoints}) {
        if ((endpoint.bmAttributes & LIBUSB_TRANSFER_TYPE_MASK) != LIBUSB_TRANSFER_TYPE_BULK) continue;
        const auto packet = static_cast<std::uint16_t>(endpoint.wMaxPacketSize & packet_bits);
        if (packet == 0) continue; // hostile: no transfer could ever move a byte
        const bool input = (endpoint.bEndpointAddress & LIBUSB_ENDPOINT_DIR_MASK) == LIBUSB_ENDPOINT_IN;
        if (!input && out.out == 0) {
            out.out = endpoint.bEndpointAddress;
            out.out_packet = packet;
        } else if (input && out.in == 0 && !quirk.output_only) {
            out.in = endpoint.bEndpointAddress;
            out.in_packet = packet;
        }
    }
    return out;
}

int rank(const Interface& interface)
{
    const bool answers = interface.in != 0;
    return (interface.out != 0 ? 8 : 0) + (interface.printer_class ? 4 : 0) + (answers ? 2 : 0) +
           (answers && interface.protocol == 2 ? 1 : 0);
}

} // namespace

std::optional<Interface> choose_interface(const libusb_config_descriptor& configuration, const Quirk& quirk)
{
    std::optional<Interface> best;
    for (const auto& interface : std::span{configuration.interface, configuration.bNumInterfaces}) {
        if (interface.num_altsetting <= 0) continue;
        const auto count = static_cast<std::size_t>(interface.num_altsetting);
        for (const auto& setting : std::span{interface.altsetting, count}) {
            if (!prints(setting, quirk)) continue;
            const Interface next = read_setting(setting, interface.num_altsetting, quirk);
            if (!best || rank(next) > rank(*best)) best = next;
        }
    }
    return best;
}

} // namespace agenthost::printer::usb
