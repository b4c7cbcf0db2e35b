#include "netclient/address_policy.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

namespace {

using namespace agenthost::netclient;

sockaddr_storage address(const char* text)
{
    sockaddr_storage storage{};
    sockaddr_in in{};
    sockaddr_in6 in6{};
    if (::inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        in.sin_family = AF_INET;
        std::memcpy(&storage, &in, sizeof in);
    } else {
        EXPECT_EQ(::inet_pton(AF_INET6, text, &in6.sin6_addr), 1) << text;
        in6.sin6_family = AF_INET6;
        std::memcpy(&storage, &in6, sizeof in6);
    }
    return storage;
}

Reach reach(const char* text)
{
    const auto storage = address(text);
    return reach_of(reinterpret_cast<const sockaddr&>(storage));
}

TEST(AddressPolicy, RecognisesPublicAddresses)
{
    for (const char* text :
         {"1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.0", "11.0.0.0", "100.63.255.255", "100.128.0.0",
          "192.167.1.1", "198.17.0.1", "198.20.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450::1",
          "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:0101:0101::1"})
        EXPECT_EQ(reach(text), Reach::public_net) << text;
}

TEST(AddressPolicy, RecognisesLocalAddresses)
{
    for (const char* text :
         {"127.0.0.1", "127.255.255.254", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255",
          "192.168.0.1", "100.64.0.1", "100.127.255.255", "::1", "fc00::1", "fd12:3456::1",
          "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1",
          "2002:7f00:0001::1", "2002:c0a8:0101::"})
        EXPECT_EQ(reach(text), Reach::local) << text;
}

TEST(AddressPolicy, RecognisesAddressesThatAreNeverAllowed)
{
    for (const char* text : {"0.0.0.0",
                             "0.1.2.3",
                             "169.254.169.254",
                             "169.254.0.1",
                             "192.0.0.192",
                             "192.0.2.1",
                             "198.51.100.1",
                             "203.0.113.1",
                             "192.88.99.1",
                             "198.18.0.1",
                             "198.19.255.255",
                             "224.0.0.1",
                             "239.1.1.1",
                             "240.0.0.1",
                             "255.255.255.255",
                             "100.100.100.200",
                             "168.63.129.16",
                             "::",
                             "fe80::1",
                             "fec0::1",
                             "ff02::1",
                             "fd00:ec2::254",
                             "2001:db8::1",
                             "2001::1",
                             "2001:10::1",
                             "3fff::1",
                             "::127.0.0.1",
                             "::ffff:0:127.0.0.1",
                             "64:ff9b:1::7f00:1",
                             "100::1",
                             "::ffff:169.254.169.254",
                             "64:ff9b::169.254.169.254",
                             "2002:a9fe:a9fe::1",
                             "::ffff:0.0.0.0"})
        EXPECT_EQ(reach(text), Reach::never) << text;
}

TEST(AddressPolicy, AllowsLocalAddressesOnlyWhenConfiguredAndOthersNever)
{
    const AddressPolicy closed, open{{}, true};
    const auto loopback = address("127.0.0.1"), metadata = address("169.254.169.254"),
               world = address("1.1.1.1");
    const auto get = [](const sockaddr_storage& s) -> const sockaddr& {
        return reinterpret_cast<const sockaddr&>(s);
    };
    EXPECT_NE(closed.refuse_address(get(loopback)).find("allow_private_networks"), std::string::npos);
    EXPECT_EQ(open.refuse_address(get(loopback)), "");
    EXPECT_NE(open.refuse_address(get(metadata)), "");
    EXPECT_EQ(closed.refuse_address(get(world)), "");
}

TEST(AddressPolicy, MatchesHostsByPattern)
{
    EXPECT_TRUE(host_matches("files.example.com", "FILES.example.com"));
    EXPECT_TRUE(host_matches("*.example.com", "a.b.example.com"));
    EXPECT_FALSE(host_matches("*.example.com", "example.com"));
    EXPECT_FALSE(host_matches("*.example.com", "evilexample.com"));
    EXPECT_FALSE(host_matches("*.example.com", "a.example.com.evil"));
    EXPECT_FALSE(host_matches("example.com", "a.example.com"));
    EXPECT_TRUE(host_matches("*", "anything"));
    const AddressPolicy policy{{"*.example.com"}, false};
    EXPECT_EQ(policy.refuse_host("a.example.com"), "");
    EXPECT_NE(policy.refuse_host("b.org").find("allow_hosts"), std::string::npos);
    EXPECT_EQ(AddressPolicy{}.refuse_host("b.org"), "");
}

} // namespace
