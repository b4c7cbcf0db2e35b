#include "netclient/address_key.hpp"

#include <gtest/gtest.h>

using agenthost::netclient::address_key;

namespace {

TEST(AddressKey, UsesTheWholeIpv4Address)
{
    EXPECT_EQ(address_key("192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(address_key("192.0.2.1:5000"), "192.0.2.1");
    EXPECT_NE(address_key("192.0.2.1:5000"), address_key("192.0.2.2:5000"));
}

TEST(AddressKey, UsesTheNetworkOfAnIpv6Address)
{
    EXPECT_EQ(address_key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    EXPECT_EQ(address_key("[2001:db8:1:2:3:4:5:6]:443"), "2001:db8:1:2::/64");
    EXPECT_EQ(address_key("[2001:db8:1:2::ffff]:1"), address_key("[2001:DB8:1:2:a:b:c:d]:2"));
    EXPECT_NE(address_key("[2001:db8:1:3::1]:1"), address_key("[2001:db8:1:2::1]:1"));
    EXPECT_EQ(address_key("[::1]:80"), "::/64");
    EXPECT_EQ(address_key("[fe80::1%eth0]:80"), "fe80::/64");
}

TEST(AddressKey, TreatsAMappedIpv4AddressAsIpv4)
{
    EXPECT_EQ(address_key("[::ffff:192.0.2.1]:5000"), "192.0.2.1");
    EXPECT_EQ(address_key("::ffff:c000:201"), "192.0.2.1");
    EXPECT_EQ(address_key("[64:ff9b::192.0.2.1]:5000"), "192.0.2.1");
}

TEST(AddressKey, LeavesOtherTextUnchanged)
{
    for (const char* text : {"", "unix", "@/run/x.sock", "[", "[]:1", "1.2.3:80", "host:80", "::g"})
        EXPECT_EQ(address_key(text), text);
}

} // namespace
