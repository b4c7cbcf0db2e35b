// Agents that try to connect and fail.
#include "tests/unit/hub/agents_fixture.hpp"

#include "plugins/hub/agents/attempts.hpp"

using namespace agenthost::hub_test;
using agenthost::hub::Attempts;

namespace {

TEST(HubAttempts, CountsByAgentAndAddress)
{
    Attempts attempts;
    EXPECT_EQ(attempts.failed("n1", "storage", "10.0.0.1:5000", "wrong token", 10), 1U);
    EXPECT_EQ(attempts.failed("n1", "storage", "10.0.0.1:5001", "unknown agent", 20), 2U) << "another port";
    EXPECT_EQ(attempts.failed("n1", "storage", "[2001:db8::1]:5001", "unknown agent", 20), 1U);
    ASSERT_EQ(attempts.all().size(), 2U);
    EXPECT_EQ(attempts.all()[0].reason, "unknown agent") << "the latest";
    EXPECT_EQ(attempts.all()[0].first, 10);
    EXPECT_EQ(attempts.all()[0].last, 20);
    EXPECT_EQ(attempts.all()[1].address, "2001:db8::1");
    attempts.connected("n1");
    EXPECT_TRUE(attempts.all().empty());
}

TEST(HubAttempts, OneAddressCannotEvictTheOthers)
{
    Attempts attempts;
    attempts.failed("quiet", "panel", "10.0.0.9:1", "expired", 1);
    for (int i = 0; i < 10'000; ++i)
        attempts.failed("id-" + std::to_string(i), "storage", "10.0.0.1:1", "unknown agent", 2 + i);
    EXPECT_EQ(attempts.all().size(), Attempts::max_of_address + 1);
    EXPECT_EQ(attempts.all()[0].agent, "quiet");
    for (int i = 0; i < 1'000; ++i)
        attempts.failed("id-" + std::to_string(i), "storage", "[2001:db8:1:2::" + std::to_string(i) + "]:1",
                        "unknown agent", 10'100 + i);
    EXPECT_EQ(attempts.all().size(), 2 * Attempts::max_of_address + 1) << "a /64 is one address";
    for (int i = 0; i < 1'000; ++i)
        attempts.failed("", "storage", "10.1.0." + std::to_string(i) + ":1", "nothing", 20'000 + i);
    EXPECT_EQ(attempts.all().size(), Attempts::max_attempts);
}

TEST(HubAttempts, RemovesUnprintableCharacters)
{
    Attempts attempts;
    attempts.failed(std::string{"a\nb"}, "storage", "1.2.3.4:5", std::string(1'000, 'x') + "\n", 1);
    EXPECT_EQ(attempts.all()[0].agent, "");
    EXPECT_LE(attempts.all()[0].reason.size(), 200U);
}

class FailingAgentsTest : public AgentsTest {
protected:
    json failing(const std::string& query = {})
    {
        return answer(ask("GET", "/api/agents", query)).body["failing"];
    }
    std::string close_reason(agh_conn conn)
    {
        EXPECT_TRUE(host->listener.wait(conn, [](auto& e) { return e.close_code != 0; }));
        return host->listener.exchange(conn).close_reason;
    }
    bool logged(const std::string& part)
    {
        for (const auto& line : host->logs()) {
            if (line.message.find(part) != std::string::npos) return true;
        }
        return false;
    }
};

TEST_F(FailingAgentsTest, ReportsABadFirstFrameInTheLogTheCloseReasonAndTheList)
{
    const agh_conn conn = host->listener.websocket("/ws/storage");
    ASSERT_TRUE(upgraded(conn));
    host->listener.frame(conn, R"({"type":"login","password":"hunter2"})");
    EXPECT_EQ(close_code(conn), 1008);
    EXPECT_THAT(close_reason(conn), HasSubstr("the first frame must be an auth frame"));
    EXPECT_LE(close_reason(conn).size(), 123U);
    EXPECT_TRUE(logged("bytes, an object with type \"login\", password"));
    EXPECT_FALSE(logged("hunter2"));
    const json list = failing();
    ASSERT_EQ(list.size(), 1U) << list;
    EXPECT_EQ(list[0]["protocol"], "storage");
    EXPECT_EQ(list[0]["address"], "127.0.0.1");
    EXPECT_EQ(list[0]["count"], 1);
    EXPECT_THAT(list[0]["reason"].get<std::string>(), HasSubstr("the first frame must be an auth frame"));
    EXPECT_FALSE(list[0].contains("id"));
    EXPECT_EQ(failing("protocol=panel"), json::array());
}

// Frames that the listener rejects and binary frames never reach a codec.
TEST_F(FailingAgentsTest, AlsoReportsAFirstFrameThatCannotBeRead)
{
    const json known{{"x-shop-id", "n1"}, {"authorization", "Bearer secret-of-n1"}};
    const agh_conn binary = print(known);
    ASSERT_TRUE(upgraded(binary));
    host->listener.frame(binary, "\x1b@", AGH_WS_BINARY);
    EXPECT_EQ(close_code(binary), 1003);
    EXPECT_TRUE(logged("the first frame was a binary frame of 2 bytes instead of text"));
    EXPECT_EQ(failing()[0]["count"], 1);
    for (const auto& [code, text] :
         {std::pair{1009, "is too large (close code 1009); it may have 1048576 bytes"},
          {1007, "is not UTF-8"},
          {1002, "breaks the WebSocket protocol"}}) {
        const agh_conn conn = print(known);
        ASSERT_TRUE(upgraded(conn));
        host->listener.closed(conn, code);
        EXPECT_THAT(failing()[0]["reason"].get<std::string>(), HasSubstr(text));
    }
    EXPECT_EQ(failing()[0]["count"], 4);
    EXPECT_EQ(failing()[0]["id"], "n1");
    // A connection that ends without a frame is not an attempt.
    const agh_conn probe = host->listener.websocket("/ws/storage");
    ASSERT_TRUE(upgraded(probe));
    host->listener.closed(probe, 1006);
    EXPECT_EQ(failing().size(), 1U);
}

TEST_F(FailingAgentsTest, ReportsThatAFrameEndedTheAgentsSession)
{
    const agh_conn one = agent("n1");
    host->listener.closed(one, 1009);
    EXPECT_TRUE(logged("agent n1 left: a frame of its session is too large (close code 1009)"));
    const agh_conn two = agent("n1");
    host->listener.frame(two, "\x1b@", AGH_WS_BINARY);
    EXPECT_EQ(close_code(two), 1003);
    EXPECT_TRUE(logged("agent n1 sent a binary frame of 2 bytes"));
    EXPECT_EQ(failing(), json::array());
}

TEST_F(FailingAgentsTest, EveryProtocolNamesTheExpectedFrame)
{
    const agh_conn shop = print({{"x-shop-id", "n1"}, {"authorization", "Bearer secret-of-n1"}});
    ASSERT_TRUE(upgraded(shop));
    host->listener.frame(shop, R"({"type":"heartbeat","payload":{}})");
    EXPECT_THAT(close_reason(shop), HasSubstr("a register frame"));
    const agh_conn desk = dashboard(token("d1"));
    ASSERT_TRUE(upgraded(desk));
    host->listener.frame(desk, "not json");
    EXPECT_THAT(close_reason(desk), HasSubstr("an agent:connect frame"));
    const agh_conn other = host->listener.websocket("/agent");
    ASSERT_TRUE(upgraded(other));
    host->listener.frame(other, "not json");
    EXPECT_EQ(close_reason(other), "invalid_json") << "the word deployed servers use";
    EXPECT_EQ(failing().size(), 3U);
}

TEST_F(FailingAgentsTest, AWrongTokenIsListedUntilTheAgentConnects)
{
    EXPECT_EQ(close_code(dial("n1", "wrong")), 1008);
    EXPECT_EQ(close_code(dial("n1", "wrong")), 1008);
    const json list = failing();
    ASSERT_EQ(list.size(), 1U) << list;
    EXPECT_EQ(list[0]["id"], "n1");
    EXPECT_EQ(list[0]["count"], 2);
    EXPECT_EQ(list[0]["reason"], "unknown agent or wrong token");
    agent("n1");
    EXPECT_EQ(failing(), json::array());
}

TEST_F(FailingAgentsTest, ADashboardSeesOnlyItsOwnAgentsFail)
{
    EXPECT_EQ(close_code(dial("n1", "wrong")), 1008);
    EXPECT_EQ(close_code(dial("n2", "wrong")), 1008);
    const agh_conn nameless = host->listener.websocket("/ws/storage");
    ASSERT_TRUE(upgraded(nameless));
    host->listener.frame(nameless, "{}");
    EXPECT_EQ(close_code(nameless), 1008);
    std::string why;
    const std::string limited = agenthost::hub::Jwt::of_secret(jwt_secret, why)
                                    ->sign({.sub = "ops",
                                            .role = agenthost::hub::Role::dashboard,
                                            .agents = std::vector<std::string>{"n1"},
                                            .iat = now_s(),
                                            .exp = now_s() + 600});
    const json list = answer(host->listener.request("GET", "/api/agents", bearer(limited))).body["failing"];
    ASSERT_EQ(list.size(), 1U) << list;
    EXPECT_EQ(list[0]["id"], "n1");
    EXPECT_EQ(failing().size(), 3U);
}

// NOTES.md, panel: deployed agents send X-Node-Id, or ?nodeId=, or nothing.
TEST_F(FailingAgentsTest, APanelAgentIsTheSubjectOfItsToken)
{
    const auto dial_panel = [&](const json& headers, const std::string& query = {}) {
        json all{{"authorization", "Bearer " + token("p1")}};
        all.update(headers);
        return host->listener.websocket("/ws/agents", all.dump(), query);
    };
    EXPECT_TRUE(upgraded(dial_panel(json::object())));
    EXPECT_EQ(status("p1"), "online");
    EXPECT_TRUE(upgraded(dial_panel({{"x-node-id", "p1"}})));
    EXPECT_TRUE(upgraded(dial_panel(json::object(), "nodeId=p1")));
    EXPECT_TRUE(unauthorized(dial_panel({{"x-node-id", "p2"}})));
    EXPECT_TRUE(unauthorized(dial_panel({{"x-agent-id", "p1"}, {"x-node-id", "p2"}})));
    EXPECT_TRUE(unauthorized(dial_panel(json::object(), "nodeId=p2")));
    EXPECT_THAT(failing()[0]["reason"].get<std::string>(), HasSubstr("differs from the agent id in the token"));
}

} // namespace
