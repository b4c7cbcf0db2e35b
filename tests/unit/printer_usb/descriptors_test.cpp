#include "plugins/printer/usb/descriptors.hpp"

#include <gtest/gtest.h>

#include <list>
#include <vector>

namespace agenthost::printer::usb {

namespace {

libusb_endpoint_descriptor bulk(std::uint8_t address, std::uint16_t packet = 64)
{
    libusb_endpoint_descriptor out{};
    out.bEndpointAddress = address;
    out.bmAttributes = LIBUSB_TRANSFER_TYPE_BULK;
    out.wMaxPacketSize = packet;
    return out;
}

// A configuration that owns what libusb's structures point to.
class Configuration {
public:
    void add_interface() { interfaces_.emplace_back(); }
    void add_setting(int type, int protocol, std::vector<libusb_endpoint_descriptor> endpoints)
    {
        auto& kept = endpoints_.emplace_back(std::move(endpoints));
        libusb_interface_descriptor setting{};
        setting.bInterfaceNumber = static_cast<std::uint8_t>(interfaces_.size() - 1);
        setting.bAlternateSetting = static_cast<std::uint8_t>(interfaces_.back().size());
        setting.bInterfaceClass = static_cast<std::uint8_t>(type);
        setting.bInterfaceSubClass = 1;
        setting.bInterfaceProtocol = static_cast<std::uint8_t>(protocol);
        setting.bNumEndpoints = static_cast<std::uint8_t>(kept.size());
        setting.endpoint = kept.data();
        interfaces_.back().push_back(setting);
    }
    [[nodiscard]] std::optional<Interface> choose(const Quirk& quirk = {}) const
    {
        std::vector<libusb_interface> raw;
        for (const auto& settings : interfaces_)
            raw.push_back({settings.data(), static_cast<int>(settings.size())});
        libusb_config_descriptor out{};
        out.bNumInterfaces = static_cast<std::uint8_t>(raw.size());
        out.interface = raw.data();
        return choose_interface(out, quirk);
    }

private:
    std::vector<std::vector<libusb_interface_descriptor>> interfaces_;
    std::list<std::vector<libusb_endpoint_descriptor>> endpoints_;
};

TEST(Descriptors, NothingIsNoPrinter)
{
    Configuration configuration;
    EXPECT_FALSE(configuration.choose());
    configuration.add_interface(); // without any setting
    EXPECT_FALSE(configuration.choose());
}

TEST(Descriptors, TheSettingThatAnswersIsPreferredInEveryOrder)
{
    Configuration configuration;
    configuration.add_interface();
    configuration.add_setting(7, 2, {bulk(0x81), bulk(0x02)});
    configuration.add_setting(7, 1, {bulk(0x02)});
    const auto first = configuration.choose();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->alternate, 0);
    EXPECT_EQ(first->alternates, 2);
    EXPECT_EQ(first->in, 0x81);
    configuration.add_interface();
    configuration.add_setting(7, 4, {bulk(0x03), bulk(0x83)}); // IPP
    EXPECT_EQ(configuration.choose()->number, 0);
}

TEST(Descriptors, OnlyBulkEndpointsThatCanMoveBytesCount)
{
    auto interrupt = bulk(0x83);
    interrupt.bmAttributes = LIBUSB_TRANSFER_TYPE_INTERRUPT;
    Configuration configuration;
    configuration.add_interface();
    configuration.add_setting(7, 1, {interrupt, bulk(0x01, 0), bulk(0x04, 512)});
    const auto chosen = configuration.choose();
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->in, 0);
    EXPECT_EQ(chosen->out, 0x04);
    EXPECT_EQ(chosen->out_packet, 512);
}

TEST(Descriptors, TheBitsForMicroframesAreNoBytes)
{
    Configuration configuration;
    configuration.add_interface();
    configuration.add_setting(7, 1, {bulk(0x01, 0x1200)});
    EXPECT_EQ(configuration.choose()->out_packet, 0x200);
}

TEST(Descriptors, AVendorClassPrintsByQuirkAndComesAfterThePrinterClass)
{
    Configuration configuration;
    configuration.add_interface();
    configuration.add_setting(255, 0, {bulk(0x01), bulk(0x81)});
    EXPECT_FALSE(configuration.choose());
    EXPECT_TRUE(configuration.choose({.vendor_class = true}));
    configuration.add_interface();
    configuration.add_setting(7, 1, {bulk(0x02)});
    EXPECT_EQ(configuration.choose({.vendor_class = true})->number, 1);
}

TEST(Descriptors, OutputOnlyByQuirk)
{
    Configuration configuration;
    configuration.add_interface();
    configuration.add_setting(7, 2, {bulk(0x81), bulk(0x02)});
    EXPECT_EQ(configuration.choose({.output_only = true})->in, 0);
}

TEST(Quirks, RowsOfAVendorAndOfAProductAreJoined)
{
    EXPECT_TRUE(quirk_of(0x04b8, 0x0202).vendor_class);
    EXPECT_FALSE(quirk_of(0x04b8, 0x0203).vendor_class);
    EXPECT_TRUE(quirk_of(0x0519, 0x1234).output_only);
    const std::vector<Quirk> configured{{.vendor = 0x0519, .product = 0x0003, .keep_detached = true}};
    EXPECT_TRUE(quirk_of(0x0519, 0x0003, configured).keep_detached);
    EXPECT_TRUE(quirk_of(0x0519, 0x0003, configured).output_only);
    EXPECT_FALSE(quirk_of(0x0519, 0x0004, configured).keep_detached);
}

} // namespace

} // namespace agenthost::printer::usb
