// What differs from protocol to protocol: the upgrade, the first frame, what counts as accepted, heartbeats
// and metrics.
#include "fixture.hpp"

#include "host/session/utc.hpp"

#include <algorithm>

namespace agenthost::test {
namespace {

class PrintSession : public SessionTest {
protected:
    PrintSession() { serve({.answer = ""}); }
    host::ServerConfig print() { return config_of("print", R"({"shop_id":"testclient"})"); }
};

TEST_F(PrintSession, ShowsItsShopRegistersAndBeatsAtOnce)
{
    facts.publish("printer", "devices", R"([{"vendorId":4070,"productId":33054,"alias":"Kitchen"}])");
    connect(print());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() >= 2; })) << problem();
    EXPECT_EQ(session->status().state, "ready"); // the upgrade was the acceptance: nobody has answered
    EXPECT_NE(peer().request.find("X-Shop-Id: testclient\r\n"), std::string::npos) << peer().request;
    EXPECT_NE(peer().request.find("X-Agent-Version: 1.2.3\r\n"), std::string::npos);
    EXPECT_NE(peer().request.find("Authorization: Bearer good-token\r\n"), std::string::npos);
    const Json hello = Json::parse(peer().got[0]), beat = Json::parse(peer().got[1]);
    EXPECT_EQ(hello["type"], "register");
    EXPECT_EQ(hello["payload"]["shopId"], "testclient");
    EXPECT_EQ(hello["payload"]["version"], "1.2.3");
    EXPECT_EQ(hello["payload"]["platform"], "linux");
    EXPECT_EQ(hello["payload"]["capabilities"], (Json{"echo", "loud", "binary"}));
    EXPECT_FALSE(hello["payload"]["hostname"].get<std::string>().empty());
    EXPECT_FALSE(hello["payload"]["arch"].get<std::string>().empty());
    EXPECT_EQ(beat["type"], "heartbeat");
    EXPECT_GE(beat["payload"]["uptime"], 0);
    EXPECT_EQ(beat["payload"]["devices"][0]["alias"], "Kitchen");
    EXPECT_EQ(beat["payload"]["telemetry"]["status"], "online");
}

TEST_F(PrintSession, NeedsNoToken)
{
    auto open = print();
    open.credential = {};
    connect(open);
    ASSERT_TRUE(until([&] { return !server->peers.empty() && !peer().got.empty(); })) << problem();
    EXPECT_EQ(peer().request.find("Authorization"), std::string::npos);
}

TEST_F(PrintSession, BeatsOnAndOn)
{
    auto quick = print();
    quick.heartbeat = 50ms;
    connect(quick);
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() >= 6; })) << problem();
    for (std::size_t i = 1; i < 6; ++i) EXPECT_EQ(Json::parse(peer().got[i])["type"], "heartbeat");
    EXPECT_GE(peer().pings, 3); // beside them: an ack is nobody's duty
    EXPECT_EQ(server->peers.size(), 1u);
}

TEST_F(PrintSession, FollowsTheIntervalOfItsServer)
{
    server->options.on_open = [](Peer& peer) {
        peer.send(
            R"({"type":"task_config","payload":{"id":"c1","updates":{"telemetry":{"intervalSeconds":1}}}})");
    };
    auto mapped = print();
    mapped.map = {{"task_config", "echo.say"}};
    connect(mapped);
    // register, heartbeat, result, the heartbeat that is due at once, and one a second later: not thirty.
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() >= 5; }, 20s)) << problem();
    std::vector<std::string> types;
    for (std::size_t i = 0; i < 5; ++i) types.push_back(Json::parse(peer().got[i])["type"]);
    EXPECT_EQ(types,
              (std::vector<std::string>{"register", "heartbeat", "task_result", "heartbeat", "heartbeat"}));
    EXPECT_TRUE(Json::parse(peer().got[3])["payload"].contains("config_push_at")) << peer().got[3];
}

TEST_F(PrintSession, KeepsTheIntervalOfItsServerWhenItComesBack)
{
    server->options.on_open = [this](Peer& peer) {
        if (server->peers.size() > 1) return; // told once
        peer.send(
            R"({"type":"task_config","payload":{"id":"c1","updates":{"telemetry":{"intervalSeconds":1}}}})");
    };
    auto mapped = print();
    mapped.map = {{"task_config", "echo.say"}};
    connect(mapped);
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() >= 4; }, 20s)) << problem();
    peer().close(1001);
    // One heartbeat at once, one perhaps for a result that is told again, and one a second later: not thirty.
    const auto beats = [&] {
        if (server->peers.size() < 2) return std::ptrdiff_t{0};
        return std::count_if(peer(1).got.begin(), peer(1).got.end(), [](const std::string& frame) {
            return Json::parse(frame)["type"] == "heartbeat";
        });
    };
    EXPECT_TRUE(until([&] { return beats() >= 3; }, 20s)) << problem();
}

class DashboardSession : public SessionTest {
protected:
    DashboardSession()
    {
        serve({.answer = R"({"version":"1.0.0","type":"connection:ack","payload":{"connectionId":"c"}})"});
    }
};

TEST_F(DashboardSession, CarriesItsTokenInTheUrlAndWaitsForTheAck)
{
    write_file(dir / "token", "jwt-one+/=");
    auto with_query = config_of("dashboard");
    with_query.url += "?region=eu";
    connect(with_query);
    ASSERT_TRUE(ready()) << problem();
    EXPECT_TRUE(peer().request.starts_with("GET /agent?region=eu&token=jwt-one%2B%2F%3D HTTP/1.1"))
        << peer().request;
    const Json hello = Json::parse(peer().got.at(0));
    EXPECT_EQ(hello["type"], "agent:connect");
    EXPECT_EQ(hello["payload"]["agentId"], "agent-7");
    EXPECT_EQ(hello["payload"]["capabilities"], (Json{"echo", "loud"}));
    EXPECT_EQ(peer().got[0].find("jwt-one"), std::string::npos);
    EXPECT_EQ(session->status().url.find("token"), std::string::npos);
}

// An interrupt without requestId that went well has no answer: it must not stand in the way of those that
// have.
TEST_F(DashboardSession, AResultThatNobodyWaitsForCountsAsDelivered)
{
    auto mapped = config_of("dashboard");
    mapped.map = {{"command:interrupt", "echo.write"}, {"command:request", "echo.write"}};
    connect(mapped);
    ASSERT_TRUE(ready()) << problem();
    peer().send(R"({"type":"command:interrupt","payload":{"commandId":"c1"}})");
    ASSERT_TRUE(until([&] { return session->status().unspoken == 1; })) << problem();
    peer().send(R"({"type":"command:request","payload":{"commandId":"c2","command":"x"}})");
    ASSERT_TRUE(until([&] { return peer().got.back().find("command:status") != std::string::npos; }));
    EXPECT_TRUE(until([&] { return journal->stats().undelivered == 0; })) << journal->stats().undelivered;
    EXPECT_EQ(plugin.invoked, 2u);
    EXPECT_EQ(session->status().dropped, 0u);
}

TEST_F(DashboardSession, BeatsByItsProtocol)
{
    auto quick = config_of("dashboard");
    quick.heartbeat = 50ms;
    connect(quick);
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() >= 4; })) << problem();
    for (std::size_t i = 1; i < 4; ++i) {
        EXPECT_EQ(Json::parse(peer().got[i])["type"], "heartbeat");
        EXPECT_EQ(Json::parse(peer().got[i])["payload"]["sequence"], i);
    }
}

TEST_F(DashboardSession, ComesBackAtOnce)
{
    auto usual = config_of("dashboard");
    usual.reconnect = {};
    connect(usual);
    ASSERT_TRUE(ready());
    peer().cut();
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    EXPECT_LE(session->status().next_attempt - host::utc_now_ms(), 1000);
    ASSERT_TRUE(ready()) << problem();
    EXPECT_EQ(server->peers.size(), 2u);
}

TEST_F(DashboardSession, SaysAfterFiveFailuresHowToTryByHand)
{
    server->options.refuse = 503;
    auto slow = config_of("dashboard");
    slow.reconnect = {.initial = 10ms, .max = 10ms, .factor = 1.0, .jitter = 0.0};
    connect(slow);
    ASSERT_TRUE(
        until([&] { return session->status().failures == 4 && session->status().state == "waiting"; }));
    EXPECT_EQ(session->status().notice, "");
    ASSERT_TRUE(
        until([&] { return session->status().failures >= 5 && session->status().state == "waiting"; }));
    EXPECT_NE(session->status().notice.find("agenthost reconnect files"), std::string::npos);
    server->options.refuse = 0;
    ASSERT_TRUE(ready());
    EXPECT_EQ(session->status().notice, "");
}

TEST_F(DashboardSession, SaysNothingOfTheTokenInItsUrlWhenItIsRefused)
{
    write_file(dir / "token", "jwt-one");
    server->options.refuse = 401;
    connect(config_of("dashboard"));
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    EXPECT_NE(problem().find("/agent answered 401"), std::string::npos) << problem();
    EXPECT_NE(peer().request.find("token=jwt-one"), std::string::npos);
    EXPECT_GT(session->status().next_attempt - host::utc_now_ms(), 15'000);
} // the fixture looks for the token in all that was said

TEST_F(DashboardSession, EndsWhenItsTokenHasExpired)
{
    server->options.on_ready = [](Peer& peer) {
        peer.send(
            R"({"version":"1.0.0","type":"error","payload":{"code":"AUTH_FAILED","message":"Token expired","recoverable":false}})");
    };
    connect(config_of("dashboard"));
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    EXPECT_NE(problem().find("refused our credential: Token expired"), std::string::npos) << problem();
    EXPECT_GT(session->status().next_attempt - host::utc_now_ms(), 15'000);
}

TEST_F(DashboardSession, TakesNoWorkBeforeTheAck)
{
    server->options.on_open = [](Peer& peer) {
        peer.send(R"({"version":"1.0.0","type":"echo.say","payload":{"requestId":"early","params":{}}})");
    };
    server->options.on_message = [](Peer& peer, const std::string& frame) {
        if (frame.find("agent:connect") != std::string::npos)
            peer.send(
                R"({"version":"1.0.0","type":"echo.say","payload":{"requestId":"early too","params":{}}})");
    };
    server->options.on_ready = nullptr;
    connect(config_of("dashboard"));
    ASSERT_TRUE(ready()) << problem();
    peer().send(R"({"version":"1.0.0","type":"echo.say","payload":{"requestId":"r","params":{"x":1}}})");
    ASSERT_TRUE(until([&] { return peer().got.size() >= 2; }));
    EXPECT_EQ(Json::parse(peer().got[1])["payload"]["requestId"], "r");
    EXPECT_EQ(plugin.invoked, 1u);
}

} // namespace
} // namespace agenthost::test
