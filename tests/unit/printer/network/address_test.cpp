#include "plugins/printer/network/address.hpp"

#include <gtest/gtest.h>

namespace agenthost::printer::network {
namespace {

std::string parsed(std::string_view text)
{
    std::string why;
    const auto address = parse_address(text, why);
    return address ? address->text() : why.substr(0, 6);
}

TEST(PrinterAddress, IsAnAddressOrANameWithAPort)
{
    EXPECT_EQ(parsed("192.168.1.50"), "192.168.1.50:9100");
    EXPECT_EQ(parsed("192.168.1.50:9101"), "192.168.1.50:9101");
    EXPECT_EQ(parsed("[2001:db8::5]:9100"), "[2001:db8::5]:9100");
    EXPECT_EQ(parsed("Kitchen.Example"), "kitchen.example:9100");
    for (const char* wrong :
         {"", "kitchen:0", "kitchen:x", "-x", "1.2.3", "10.0.0.256", "a b", "kitchen:70000"})
        EXPECT_EQ(parsed(wrong), "is not") << wrong;
}

std::string refused(const AllowedAddresses& allowed, std::string_view address)
{
    std::string why;
    const auto problem = allowed.refuse(parse_address(address, why).value());
    return problem ? problem->code : "";
}

TEST(PrinterAddress, IsOnlyReachedWhenItIsAllowed)
{
    AllowedAddresses allowed;
    std::string why;
    for (const char* entry : {"192.168.1.0/24", "10.1.0.0/16:9101", "kitchen.example:9100", "127.0.0.1:1234"})
        EXPECT_TRUE(allowed.add(entry, why)) << why;
    for (const char* good : {"192.168.1.7", "10.1.2.3:9101", "kitchen.example", "127.0.0.1:1234"})
        EXPECT_EQ(refused(allowed, good), "") << good;
    for (const char* bad : {"192.168.1.7:22", "192.168.2.7", "10.1.2.3", "kitchen.example:22", "127.0.0.1",
                            "::ffff:192.168.2.7", "evil.example"})
        EXPECT_EQ(refused(allowed, bad), "ADDRESS_DENIED") << bad;
}

TEST(PrinterAddress, IsNeverMulticastOrThisNetwork)
{
    AllowedAddresses allowed;
    std::string why;
    ASSERT_TRUE(allowed.add("0.0.0.0/0", why));
    EXPECT_EQ(refused(allowed, "8.8.8.8"), "");
    for (const char* bad : {"0.0.0.0", "224.0.0.1", "255.255.255.255"})
        EXPECT_EQ(refused(allowed, bad), "ADDRESS_DENIED") << bad;
    EXPECT_FALSE(allowed.add("192.168.1.1/24", why));
    EXPECT_FALSE(allowed.add("192.168.1.0/24:0", why));
}

} // namespace
} // namespace agenthost::printer::network
