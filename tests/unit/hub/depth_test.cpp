// The nesting depth of every input is limited: deeper input is rejected without recursion.
#include "parts.hpp"

#include "plugins/hub/credentials/jwt.hpp"
#include "plugins/hub/credentials/keys.hpp"

#include "base/base64.hpp"
#include "base/hash.hpp"
#include "wire/codec.hpp"
#include "wire/dashboard/client.hpp"

using namespace agenthost::hub_test;

namespace {

std::string nested(std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

TEST_F(PartsTest, ADeepRequestBodyIsRefused)
{
    join("n1", "storage");
    const auto body = [](std::size_t levels) {
        return R"({"action":"storage.info","params":{"a":)" + nested(levels) + "}}";
    };
    EXPECT_EQ(status(ask("POST", "/api/agents/n1/commands", body(200'000))), 400);
    EXPECT_EQ(status(ask("POST", "/api/agents/n1/commands", body(65))), 400);
    EXPECT_TRUE(fanout.sent.empty());
    ask("POST", "/api/agents/n1/commands", body(60));
    EXPECT_EQ(fanout.sent.size(), 1U);
    EXPECT_EQ(status(ask("POST", "/api/agent-tasks",
                         R"({"shopId":"n1","command":"config","payload":{"a":)" + nested(200'000) + "}}")),
              400);
    EXPECT_EQ(status(ask("POST", "/api/websocket/agents/n1/command",
                         R"({"command":"ping","args":{"a":)" + nested(200'000) + "}}")),
              400);
}

TEST(HubDepth, DeepFramesOfAgentsAreMalformedInEveryProtocol)
{
    using agenthost::wire::Protocol;
    for (const Protocol protocol :
         {Protocol::storage, Protocol::panel, Protocol::print, Protocol::dashboard, Protocol::signed_}) {
        const auto codec = agenthost::wire::server_codec(protocol, {.agent_id = "n1"});
        const auto message = codec->decode(R"({"type":"heartbeat","payload":)" + nested(200'000) + "}");
        EXPECT_TRUE(std::holds_alternative<agenthost::wire::Malformed>(message) ||
                    std::holds_alternative<agenthost::wire::Refused>(message))
            << agenthost::wire::name(protocol);
    }
}

TEST(HubDepth, DeepFramesOfDashboardsAreBad)
{
    agenthost::wire::dashboard_client::Reader reader;
    const std::string frame =
        R"({"version":"1.0.0","type":"command:request","payload":{"agentId":"n1","argv":)" + nested(200'000) +
        "}}";
    EXPECT_TRUE(std::holds_alternative<agenthost::wire::dashboard_client::Bad>(reader.read(frame)));
}

std::string base64url(std::string_view raw)
{
    std::string text = agenthost::base::base64(raw);
    while (text.ends_with('=')) text.pop_back();
    for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
    return text;
}

TEST(HubDepth, ADeepClaimIsRefused)
{
    const std::string secret(32, 's');
    std::string why;
    const auto jwt = Jwt::of_secret(secret, why);
    const auto verified = [&](std::size_t levels) {
        const std::string text =
            base64url(R"({"alg":"HS256","typ":"JWT"})") + "." +
            base64url(R"({"sub":"n1","role":"agent","exp":4000000000,"x":)" + nested(levels) + "}");
        const auto mac = agenthost::base::hmac_sha256(secret, text);
        return jwt->verify(text + "." + base64url({reinterpret_cast<const char*>(mac.data()), mac.size()}),
                           1'000'000, why);
    };
    EXPECT_TRUE(verified(60)) << why;
    EXPECT_FALSE(verified(65));
    EXPECT_FALSE(verified(2'500));
}

TEST(HubDepth, ADeepCredentialsFileIsAnError)
{
    for (const std::string& yaml : {"agents: " + nested(200'000), std::string(200'000, '[')}) {
        std::string why;
        EXPECT_FALSE(parse_credentials(yaml, "agents.yaml", why));
        EXPECT_THAT(why, testing::HasSubstr("agents.yaml"));
    }
}

} // namespace
