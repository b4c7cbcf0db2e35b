#include "host/session/auth/public_ip.hpp"

#include <gtest/gtest.h>

namespace agenthost::host {
namespace {

TEST(PublicIp, TakesItsPlaceInTheUrl)
{
    EXPECT_EQ(with_public_ip("wss://{public_ip}/agent", "192.0.2.7"), "wss://192.0.2.7/agent");
    EXPECT_EQ(with_public_ip("wss://{public_ip}:1/{public_ip}", "2001:db8::1"),
              "wss://[2001:db8::1]:1/[2001:db8::1]");
}

} // namespace
} // namespace agenthost::host
