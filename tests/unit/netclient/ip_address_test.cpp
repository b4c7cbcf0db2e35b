#include "netclient/ip_address.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>

namespace {

using namespace agenthost::netclient;

TEST(IpAddress, ReadsBothFamiliesAndWritesThemBack)
{
    for (const char* text : {"192.0.2.1", "0.0.0.0", "2001:db8::1", "::", "::1"}) {
        ASSERT_TRUE(parse_ip(text)) << text;
        EXPECT_EQ(parse_ip(text)->text(), text);
    }
    EXPECT_EQ(parse_ip("::ffff:192.0.2.1"), parse_ip("192.0.2.1"));
    for (const char* text :
         {"", "1.2.3", "0x7f.0.0.1", "1.2.3.4 ", "fe80::1%eth0", "[::1]", "localhost", "1.2.3.4:80"})
        EXPECT_FALSE(parse_ip(text)) << text;
    EXPECT_FALSE(parse_ip(std::string_view{"1.2.3.4\0x", 9}));
}

TEST(IpAddress, KnowsWildcardAndLoopback)
{
    EXPECT_TRUE(parse_ip("0.0.0.0")->any());
    EXPECT_TRUE(parse_ip("::")->any());
    EXPECT_FALSE(parse_ip("::1")->any());
    EXPECT_TRUE(parse_ip("127.1.2.3")->loopback());
    EXPECT_TRUE(parse_ip("::1")->loopback());
    EXPECT_TRUE(parse_ip("::ffff:127.0.0.1")->loopback());
    EXPECT_FALSE(parse_ip("128.0.0.1")->loopback());
}

TEST(IpAddress, KnowsTheNamesOfThisMachine)
{
    for (const char* host : {"localhost", "LocalHost", "a.localhost", "127.9.9.9", "::1", "::ffff:127.0.0.1"})
        EXPECT_TRUE(is_loopback_host(host)) << host;
    for (const char* host : {"", "localhost.example.com", "127.0.0.1.example.com", "1270.0.0.1", "0.0.0.0"})
        EXPECT_FALSE(is_loopback_host(host)) << host;
}

TEST(IpAddress, ReadsEndpointsWithAndWithoutPort)
{
    EXPECT_EQ(parse_endpoint("192.0.2.1")->text(), "192.0.2.1:0");
    EXPECT_EQ(parse_endpoint("192.0.2.1:80")->text(), "192.0.2.1:80");
    EXPECT_EQ(parse_endpoint("2001:db8::1")->text(), "[2001:db8::1]:0");
    EXPECT_EQ(parse_endpoint("[2001:db8::1]")->text(), "[2001:db8::1]:0");
    EXPECT_EQ(parse_endpoint("[2001:db8::1]:80")->text(), "[2001:db8::1]:80");
    EXPECT_EQ(parse_endpoint("[::ffff:192.0.2.1]:80")->text(), "192.0.2.1:80");
    for (const char* text : {"", "unknown", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:8x", "[::1",
                             "[::1]80", "[192.0.2.1]:80", "_hidden"})
        EXPECT_FALSE(parse_endpoint(text)) << text;
}

TEST(IpRange, MatchesPrefixesOfBothFamilies)
{
    const auto contains = [](const char* range, const char* address) {
        return parse_range(range)->contains(*parse_ip(address));
    };
    EXPECT_TRUE(contains("10.0.0.0/8", "10.255.0.1"));
    EXPECT_TRUE(contains("10.0.0.0/8", "::ffff:10.0.0.1"));
    EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.1"));
    EXPECT_TRUE(contains("192.0.2.1", "192.0.2.1"));
    EXPECT_FALSE(contains("192.0.2.1", "192.0.2.2"));
    EXPECT_TRUE(contains("0.0.0.0/0", "203.0.113.9"));
    EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
    EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
    EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
    EXPECT_TRUE(contains("::/0", "203.0.113.9"));
    EXPECT_TRUE(any_contains({*parse_range("::1"), *parse_range("10.0.0.0/8")}, *parse_ip("10.1.1.1")));
    EXPECT_FALSE(any_contains({}, *parse_ip("10.1.1.1")));
}

TEST(IpRange, RefusesWhatIsNotARange)
{
    for (const char* text :
         {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.1/8", "10/8", "::/129", "::1/64", "all", "10.0.0.0/-1"})
        EXPECT_FALSE(parse_range(text)) << text;
}

TEST(IpAddress, ComesFromASocketAddress)
{
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(0xC0000201);
    EXPECT_EQ(ip_of(reinterpret_cast<const sockaddr*>(&in)), parse_ip("192.0.2.1"));
    const sockaddr other{};
    EXPECT_FALSE(ip_of(&other));
}

} // namespace
