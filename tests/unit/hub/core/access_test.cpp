#include "plugins/hub/core/access.hpp"
#include "plugins/hub/core/log_gate.hpp"

#include "plugins/hub/http/origin.hpp"
#include "plugins/hub/http/throttle.hpp"
#include "plugins/hub/protocols/protocol.hpp"

#include <gtest/gtest.h>

using namespace agenthost::hub;
using namespace std::chrono_literals;

namespace {

TEST(HubAccess, ReadsBearerTokens)
{
    EXPECT_EQ(bearer_of("Bearer abc"), "abc");
    EXPECT_EQ(bearer_of("bEaReR abc"), "abc");
    EXPECT_EQ(bearer_of("Bearer   abc"), "abc");
    for (const char* other : {"", "Bearer", "Bearer ", "Basic abc", "Bearerabc", "abc",
                              "\x02"
                              "earer abc"})
        EXPECT_EQ(bearer_of(other), "") << other;
}

TEST(HubAccess, RolesSeeTheAgentsOfTheirClaims)
{
    EXPECT_TRUE((Caller{.role = Role::admin}.sees("n1")));
    EXPECT_TRUE((Caller{.role = Role::admin, .agents = std::vector<std::string>{}}.sees("n1")));
    EXPECT_TRUE((Caller{.role = Role::dashboard}.sees("n1")));
    EXPECT_FALSE((Caller{.role = Role::dashboard, .agents = std::vector<std::string>{}}.sees("n1")));
    EXPECT_FALSE((Caller{.role = Role::dashboard, .agents = std::vector<std::string>{"n2"}}.sees("n1")));
    EXPECT_TRUE((Caller{.role = Role::agent, .subject = "n1"}.sees("n1")));
    EXPECT_FALSE((Caller{.role = Role::agent, .subject = "n1"}.sees("n2")));
    for (const Role r : {Role::agent, Role::dashboard, Role::admin}) EXPECT_EQ(role(to_string(r)), r);
    EXPECT_FALSE(role("root"));
}

bool allowed(const std::string& origin, const std::string& host, bool tls = false,
             const std::string& url = {}, const std::vector<std::string>& list = {})
{
    Head head{.tls = tls};
    if (!origin.empty()) head.headers["origin"] = origin;
    head.headers["host"] = host;
    return origin_allowed(head, url, list);
}

TEST(HubOrigin, PagesOfOtherOriginsAreRefusedUnlessListed)
{
    EXPECT_TRUE(allowed("", "hub:3001")) << "no browser";
    EXPECT_TRUE(allowed("http://hub:3001", "hub:3001"));
    EXPECT_TRUE(allowed("https://Hub.example.com", "hub.example.com", true));
    EXPECT_TRUE(allowed("https://hub.example.com:443", "hub.example.com", true));
    EXPECT_TRUE(allowed("http://hub.example.com", "hub.example.com:80"));
    EXPECT_FALSE(allowed("https://hub:3001", "hub:3001")) << "another scheme";
    EXPECT_FALSE(allowed("http://hub:3002", "hub:3001"));
    EXPECT_FALSE(allowed("http://hub:3001.evil.example", "hub:3001"));
    EXPECT_FALSE(allowed("http://evil.example/http://hub:3001", "hub:3001"));
    EXPECT_FALSE(allowed("null", "hub:3001"));
    EXPECT_FALSE(allowed("hub:3001", "hub:3001"));
    EXPECT_FALSE(allowed("https://evil.example", "hub:3001", true, "", {"https://desk.example.com"}));
    EXPECT_TRUE(
        allowed("https://desk.example.com", "hub:3001", true, "", {"https://x", "https://desk.example.com"}));
    EXPECT_FALSE(
        allowed("https://desk.example.com.evil.example", "h", true, "", {"https://desk.example.com"}));
    EXPECT_TRUE(allowed("https://evil.example", "hub:3001", false, "", {"*"}));
    EXPECT_TRUE(allowed("https://hub.example.com", "10.0.0.1:3001", false, "https://hub.example.com"))
        << "a proxy does the TLS";
}

TEST(HubThrottle, TenFailuresThenOneInSixSeconds)
{
    Throttle throttle;
    Throttle::Time now{};
    now += 1h;
    for (int i = 0; i < Throttle::burst; ++i) {
        EXPECT_EQ(throttle.wait("a", now), 0) << i;
        throttle.failed("a", now);
    }
    EXPECT_GT(throttle.wait("a", now), 0);
    EXPECT_LE(throttle.wait("a", now), 6);
    EXPECT_EQ(throttle.wait("b", now), 0);
    EXPECT_EQ(throttle.wait("a", now + 6s), 0);
    throttle.failed("a", now + 6s);
    EXPECT_GT(throttle.wait("a", now + 6s), 0);
    EXPECT_EQ(throttle.wait("a", now + 70s), 0);
    for (int i = 0; i < Throttle::burst; ++i) throttle.failed("a", now + 1h);
    EXPECT_GT(throttle.wait("a", now + 1h), 0) << "an hour of good behaviour buys no more than ten failures";
}

TEST(HubThrottle, RemembersABoundedNumberOfAddressesTheLatestOnes)
{
    Throttle throttle;
    Throttle::Time now{};
    now += 1h;
    for (int i = 0; i < Throttle::burst; ++i) throttle.failed("first", now);
    for (std::size_t i = 0; i < Throttle::max_addresses - 1; ++i) throttle.failed(std::to_string(i), now);
    EXPECT_GT(throttle.wait("first", now), 0);
    throttle.failed("one more", now);
    EXPECT_EQ(throttle.wait("first", now), 0);
}

TEST(HubThrottle, PeersCauseTwentyLogLinesThenOneASecond)
{
    LogGate gate;
    Throttle::Time now{};
    now += 1h;
    for (int i = 0; i < LogGate::burst; ++i) EXPECT_EQ(gate.open(now), 0U) << i;
    for (int i = 0; i < 500; ++i) EXPECT_FALSE(gate.open(now));
    EXPECT_EQ(gate.open(now + 1s), 500U) << "the next line says what is missing";
    EXPECT_FALSE(gate.open(now + 1s));
    EXPECT_EQ(gate.open(now + 1min), 1U);
}

} // namespace
