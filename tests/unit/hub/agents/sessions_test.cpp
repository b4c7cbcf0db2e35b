// Sessions with a test clock: pings, timeouts, tokens that expire, the effect of a peer on the log.
#include "peers.hpp"

#include "plugins/hub/agents/sessions.hpp"
#include "plugins/hub/credentials/credentials.hpp"
#include "plugins/hub/credentials/keys.hpp"

#include "base/base64.hpp"
#include "base/uuid.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <map>
#include <random>

using namespace agenthost::hub_test;
using namespace std::chrono_literals;
using agenthost::wire::Protocol;
using nlohmann::json;
using testing::HasSubstr;
namespace base = agenthost::base;
namespace wire = agenthost::wire;

namespace {

struct SessionsTest : testing::Test {
    SessionsTest()
    {
        core.utc = [this] { return utc; };
        core.now = [this] { return now; };
        sessions.observe(heard_by);
        credentials.agents.set_listed({{"n1", {"secret-of-n1", base::sha256("secret-of-n1")}}});
        credentials.agents.set_jwt(jwt);
    }
    void enter(const std::function<void()>& work) { core.strand.run(work); }
    void pass(std::chrono::seconds time)
    {
        utc += std::chrono::milliseconds{time}.count();
        now += time;
        enter([this] { core.timers.run(now); });
    }
    Peers::Peer& connect(Protocol protocol, const std::map<std::string, std::string>& headers = {},
                         const std::string& query = {})
    {
        Head head{.method = "GET", .query = query, .peer = peer};
        for (const auto& [name, value] : headers) head.headers.emplace(name, value);
        ++last;
        enter([&] { sessions.request(last, head, protocol); });
        return daemon.peers[last];
    }
    std::string token(const std::string& id, std::chrono::seconds lives) const
    {
        return jwt->sign({.sub = id,
                          .iat = utc / 1000,
                          .exp = utc / 1000 + lives.count(),
                          .jti = agenthost::base::random_uuid()});
    }
    Peers::Peer& panel(const std::string& id, std::chrono::seconds lives = 1h)
    {
        return connect(Protocol::panel,
                       {{"authorization", "Bearer " + token(id, lives)}, {"x-agent-id", id}});
    }
    void answer_closes() // all peers are alive
    {
        for (const auto& [conn, peer] : daemon.peers) {
            if (peer.close_code != 0)
                enter([&, c = conn, code = peer.close_code] { sessions.closed(c, code); });
        }
    }
    void frame(const json& message, Conn conn = 0)
    {
        enter([&] { sessions.frame(conn != 0 ? conn : last, AGH_WS_TEXT, message.dump()); });
    }

    std::string peer = "127.0.0.1:5000"; // of whoever connects next
    std::int64_t utc = 1'800'000'000'000;
    Timers::Time now = Timers::Time{1h};
    std::string why;
    std::shared_ptr<const Jwt> jwt = Jwt::of_secret(std::string(40, 'k'), why);
    Peers daemon;
    Core core{Config{}, daemon};
    Credentials credentials;
    NoNonces nonces;
    Listener heard_by;
    std::vector<std::string>& heard = heard_by.heard;
    Exchanges exchanges{core, daemon};
    Sessions sessions{core, exchanges, credentials.agents, nonces};
    Conn last = 0;
};

TEST_F(SessionsTest, AJobsBytesFollowItsFrameWhereTheAgentTakesBinary)
{
    const std::string bytes(3'000, '\x1b'),
        params = json{{"data", base::base64(bytes)}, {"encoding", "base64"}}.dump();
    const auto shop = [&](const json& capabilities) -> Peers::Peer& {
        auto& connected =
            connect(Protocol::print, {{"x-shop-id", "n1"}, {"authorization", "Bearer secret-of-n1"}});
        frame({{"type", "register"}, {"payload", {{"shopId", "n1"}, {"capabilities", capabilities}}}});
        return connected;
    };
    const auto send = [&](const char* id) {
        enter([&] { sessions.send("n1", {.id = id, .action = "task_print", .params = params}); });
    };
    auto& plain = shop({"usb"});
    send("t1");
    EXPECT_EQ(plain.sent.back()["payload"]["encoding"], "base64");
    EXPECT_TRUE(plain.binary.empty());
    auto& takes = shop({"usb", "binary"});
    send("t2");
    EXPECT_EQ(takes.sent.back()["payload"]["length"], bytes.size());
    ASSERT_EQ(takes.binary.size(), 1U);
    EXPECT_EQ(takes.binary[0], "\x01\x02t2" + bytes);
    takes.full = true; // only the first frame fits
    send("t3");
    EXPECT_EQ(heard.back(), "not taken n1 t3") << "it is sent again as a whole";
    takes.full = false;
    enter([&] { sessions.frame(last, AGH_WS_BINARY, takes.binary[0]); });
    EXPECT_EQ(takes.close_code, 1003) << "agents send none";
}

TEST_F(SessionsTest, PanelAgentsArePingedEveryThirtySecondsAndNoOthers)
{
    auto& node = panel("p1");
    auto& shop = connect(Protocol::print, {{"x-shop-id", "n1"}, {"authorization", "Bearer secret-of-n1"}});
    frame({{"type", "register"}, {"payload", {{"shopId", "n1"}}}});
    EXPECT_TRUE(node.sent.empty());
    pass(29s);
    EXPECT_TRUE(node.sent.empty());
    pass(1s);
    ASSERT_EQ(node.sent.size(), 1U);
    EXPECT_EQ(node.sent[0]["type"], "ping");
    pass(30s);
    ASSERT_EQ(node.sent.size(), 2U);
    EXPECT_NE(node.sent[0]["id"], node.sent[1]["id"]);
    EXPECT_EQ(shop.sent.size(), 1U) << "only its ack";
    frame({{"id", node.sent[1]["id"]},
           {"type", "pong"},
           {"data", {{"agentStatus", "healthy"}, {"activeServers", 3}}}},
          1);
    EXPECT_THAT(heard.back(), HasSubstr("heartbeat p1 {"));
    EXPECT_THAT(heard.back(), HasSubstr("\"active_servers\":3"));
    for (int i = 0; i < 10; ++i) pass(30s);
    EXPECT_EQ(node.close_code, 0) << "a missing pong never kills a session; the WebSocket's pings do";
    enter([&] { sessions.closed(1, 1006); });
    pass(60s);
    EXPECT_EQ(node.sent.size(), 12U) << "nobody pings who is gone";
}

TEST_F(SessionsTest, APeerThatDoesNotAuthenticateInTenSecondsIsClosed)
{
    for (const Protocol protocol : {Protocol::storage, Protocol::signed_, Protocol::print}) {
        auto& peer = connect(protocol);
        pass(9s);
        EXPECT_EQ(peer.close_code, 0) << wire::name(protocol);
        pass(1s);
        EXPECT_EQ(peer.close_code, 1008) << wire::name(protocol);
        EXPECT_EQ(peer.reason, "auth_timeout") << wire::name(protocol);
    }
    EXPECT_TRUE(heard.empty());
}

TEST_F(SessionsTest, ASessionEndsWithItsTokenUnlessItWasRenewed)
{
    auto& one = panel("p1", 100s);
    auto& two = panel("p2", 100s);
    pass(50s);
    enter([&] {
        sessions.renewed("p2", {.sub = "p2", .iat = utc / 1000, .exp = utc / 1000 + 200, .jti = "x"});
    });
    enter([&] { sessions.renewed("nobody", {.sub = "nobody"}); });
    pass(49s);
    EXPECT_EQ(one.close_code, 0);
    pass(1s);
    EXPECT_EQ(one.close_code, 1008);
    EXPECT_EQ(two.close_code, 0);
    EXPECT_EQ(heard.back(), "lost p1");
    pass(149s);
    EXPECT_EQ(two.close_code, 0);
    pass(1s);
    EXPECT_EQ(two.close_code, 1008);
    EXPECT_FALSE(sessions.online("p2"));
}

TEST_F(SessionsTest, ATokenValidForYearsDoesNotOverflowATimer)
{
    auto& node = panel("p1", std::chrono::hours{24 * 365 * 50});
    for (int i = 0; i < 5; ++i) pass(24h);
    EXPECT_EQ(node.close_code, 0);
    EXPECT_TRUE(sessions.online("p1"));
}

TEST_F(SessionsTest, ADashboardAgentGetsTheReasonBeforeItIsClosed)
{
    auto& desk = connect(Protocol::dashboard, {}, "token=" + token("d1", 60s));
    EXPECT_TRUE(heard.empty());
    frame({{"type", "agent:connect"}, {"payload", {{"agentId", "d1"}}}});
    EXPECT_EQ(heard, (std::vector<std::string>{"ready d1 dashboard"}));
    pass(60s);
    ASSERT_EQ(desk.sent.size(), 2U);
    EXPECT_EQ(desk.sent[1]["type"], "error");
    EXPECT_EQ(desk.sent[1]["payload"]["code"], "AUTH_FAILED");
    EXPECT_EQ(desk.close_code, 1008);
}

TEST_F(SessionsTest, ATokenThatExpiresBetweenTheUpgradeAndTheFirstFrameIsRefused)
{
    auto& desk = connect(Protocol::dashboard, {}, "token=" + token("d1", 5s));
    pass(6s);
    frame({{"type", "agent:connect"}, {"payload", {{"agentId", "d1"}}}});
    EXPECT_EQ(desk.close_code, 1008);
    EXPECT_TRUE(heard.empty());
}

TEST_F(SessionsTest, ThereAreNeverTwoLiveSessionsOfOneAgent)
{
    auto& one = panel("p1");
    auto& two = panel("p1");
    EXPECT_EQ(one.close_code, 1000);
    EXPECT_EQ(two.close_code, 0);
    EXPECT_EQ(heard, (std::vector<std::string>{"ready p1 panel", "lost p1", "ready p1 panel"}));
    frame({{"type", "event"}, {"event", "late"}, {"data", json::object()}}, 1);
    EXPECT_EQ(heard.size(), 3U) << "the old one is no longer heard";
    enter([&] { sessions.closed(1, 1000); });
    EXPECT_TRUE(sessions.online("p1"));
    EXPECT_EQ(heard.size(), 3U) << "nor is its end";
    EXPECT_EQ(sessions.size(), 1U);
}

TEST_F(SessionsTest, DetectsTwoMachinesWithOneIdentityAndDelaysTheNewcomer)
{
    const auto from = [&](const char* address) -> Peers::Peer& {
        peer = address;
        Peers::Peer& newcomer = panel("p1");
        answer_closes();
        return newcomer;
    };
    from("192.0.2.1:1");
    for (std::size_t i = 1; i < IdentityConflicts::threshold; ++i) {
        auto& older = daemon.peers[last];
        from(i % 2 == 1 ? "192.0.2.2:1" : "192.0.2.1:1");
        EXPECT_EQ(older.reason, "replaced by a newer session of this agent");
        pass(5s);
    }
    EXPECT_EQ(sessions.conflict("p1"), nullptr);
    auto& replaced = daemon.peers[last];
    auto& kept = from("192.0.2.1:1");
    EXPECT_EQ(replaced.close_code, 1000);
    ASSERT_NE(sessions.conflict("p1"), nullptr);
    EXPECT_THAT(daemon.logged, testing::Contains(HasSubstr("two machines use this identity")));
    for (int i = 0; i < 5; ++i) {
        auto& newcomer = from("192.0.2.2:1");
        EXPECT_EQ(newcomer.close_code, 1013);
        EXPECT_THAT(newcomer.reason, HasSubstr("identity in use"));
        EXPECT_LE(newcomer.reason.size(), 123U) << "a close frame has no space for more";
        pass(5s);
    }
    EXPECT_EQ(kept.close_code, 0) << "one of them gets work done";
    EXPECT_EQ(sessions.conflict("p1")->refused, 5U);
    EXPECT_TRUE(sessions.online("p1"));
    pass(5s);
    EXPECT_EQ(from("192.0.2.2:1").close_code, 0) << "now and then it may: it may be a replacement";
    EXPECT_EQ(kept.close_code, 1000);
    EXPECT_THAT(kept.reason, HasSubstr("identity in use"));
    EXPECT_EQ(from("192.0.2.1:1").close_code, 1013);
    pass(59s);
    EXPECT_EQ(from("192.0.2.1:1").close_code, 1013) << "the wait has doubled";
}

TEST_F(SessionsTest, AnAgentWhoseOtherSessionHasEndedIsNeverDelayed)
{
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(panel("p1").close_code, 0) << i;
        enter([&] { sessions.closed(last, 1000); });
    }
    EXPECT_EQ(sessions.conflict("p1"), nullptr);
    for (std::size_t i = 0; i <= IdentityConflicts::threshold; ++i) {
        panel("p1");
        answer_closes();
    }
    EXPECT_EQ(panel("p1").close_code, 1013);
    enter([&] { sessions.revoked("p1"); });
    EXPECT_EQ(panel("p1").close_code, 0) << "the connected one has gone";
}

// After four broken connections within ten minutes an agent was told that another machine uses its identity.
TEST_F(SessionsTest, ABrokenConnectionIsNeverMistakenForTwoMachines)
{
    for (unsigned seed = 1; seed <= 50; ++seed) {
        std::mt19937 random{seed};
        std::vector<Conn> dead; // the daemon has not noticed yet
        for (int i = 0; i < 100; ++i) {
            pass(std::chrono::seconds{1 + random() % 120});
            const Conn before = last;
            const Peers::Peer& now_there = panel("p1");
            ASSERT_EQ(now_there.close_code, 0) << "seed " << seed << ": refused";
            ASSERT_EQ(sessions.conflict("p1"), nullptr) << "seed " << seed;
            if (i > 0) dead.push_back(before);
            if (random() % 3 == 0) { // the line is cut in a way that the daemon sees
                enter([&] { sessions.closed(last, 1006); });
            }
            while (!dead.empty() && random() % 2 == 0) { // nothing answered the close frame
                enter([&] { sessions.closed(dead.back(), 1006); });
                dead.pop_back();
            }
        }
        enter([&] { sessions.closed(last, 1006); });
    }
    EXPECT_THAT(daemon.logged, testing::Not(testing::Contains(HasSubstr("two machines"))));
}

TEST_F(SessionsTest, DetectsTwoLiveMachinesAfterFourTakeovers)
{
    for (unsigned seed = 1; seed <= 50; ++seed) {
        std::mt19937 random{seed};
        const std::string id = "clone" + std::to_string(seed);
        std::size_t takeovers = 0;
        panel(id);
        while (sessions.conflict(id) == nullptr) {
            if (random() % 4 == 0) { // a line breaks and its agent comes back at once
                panel(id);
                for (const auto& [conn, peer] : daemon.peers) {
                    if (peer.close_code == 1000) enter([&, c = conn] { sessions.closed(c, 1006); });
                }
                continue;
            }
            pass(std::chrono::seconds{1 + random() % 120}); // the other one's backoff
            panel(id);
            answer_closes();
            ASSERT_LE(++takeovers, IdentityConflicts::threshold) << "seed " << seed;
        }
        EXPECT_EQ(takeovers, IdentityConflicts::threshold) << "seed " << seed;
        EXPECT_EQ(panel(id).close_code, 1013) << "seed " << seed;
    }
}

TEST_F(SessionsTest, NeverSendsAReservedWordAsACommand)
{
    connect(Protocol::storage);
    frame({{"action", "auth"}, {"token", "secret-of-n1"}, {"agent_id", "n1"}});
    ASSERT_TRUE(sessions.online("n1"));
    const auto send = [&](std::string_view action) {
        Fanout::Sent sent{};
        enter([&] {
            sent = sessions.send("n1",
                                 {.id = "r1", .action = action, .params = "{}", .target = {}, .timeout = {}});
        });
        return sent;
    };
    EXPECT_EQ(send("auth"), Fanout::Sent::unspeakable);
    EXPECT_EQ(send("info"), Fanout::Sent::taken);
}

TEST_F(SessionsTest, ARejectedNewcomerReplacesNothing)
{
    auto& one = panel("p1");
    EXPECT_EQ(connect(Protocol::panel, {{"authorization", "Bearer junk"}, {"x-agent-id", "p1"}}).status, 401);
    connect(Protocol::storage);
    frame({{"action", "auth"}, {"token", "junk"}, {"agent_id", "p1"}});
    EXPECT_EQ(daemon.peers[last].close_code, 1008);
    EXPECT_EQ(one.close_code, 0);
    EXPECT_EQ(daemon.counted[Metric::auth_failures], 2);
}

TEST_F(SessionsTest, APeerCannotFillTheLog)
{
    panel("p1");
    daemon.logged.clear();
    for (int i = 0; i < 1000; ++i) frame({{"type", 7}});
    EXPECT_LE(daemon.logged.size(), 10U);
    EXPECT_GE(daemon.logged.size(), 5U);
    EXPECT_THAT(daemon.logged.back(), HasSubstr("512 so far"));
    EXPECT_TRUE(sessions.online("p1")) << "a frame it does not understand is no reason to part";
}

TEST_F(SessionsTest, AnUpgradeResponseHasADate)
{
    utc = 784'111'777'999;
    EXPECT_EQ(json::parse(connect(Protocol::signed_).headers)["date"], "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST_F(SessionsTest, WordsInATokensPlaceAreNotRead)
{
    const std::string good = token("d1", 60s);
    EXPECT_EQ(connect(Protocol::dashboard, {}, "x=1&token=" + good).status, 101);
    EXPECT_EQ(connect(Protocol::dashboard, {{"authorization", "Bearer " + good}}).status, 101);
    EXPECT_EQ(connect(Protocol::dashboard, {}, "token=&token=" + good).status, 401);
    EXPECT_EQ(connect(Protocol::dashboard, {}, "tokens=" + good).status, 401);
    EXPECT_EQ(connect(Protocol::dashboard, {}, "token=" + good + "%00").status, 401);
}

TEST_F(SessionsTest, NothingNewStartsDuringShutdown)
{
    auto& node = panel("p1");
    enter([&] {
        core.draining = true;
        sessions.close_all();
    });
    EXPECT_EQ(node.close_code, 1001);
    EXPECT_EQ(panel("p2").status, 503);
    EXPECT_TRUE(core.timers.next() == Timers::Time::max()) << "no timer outlives its session";
}

TEST_F(SessionsTest, ReportsAMessageAboveTheLimitWithTheConfigurationKey)
{
    auto& node = panel("p1");
    EXPECT_EQ(json::parse(node.limits)["message_bytes"], 1 << 20);
    enter([&] { sessions.closed(last, 1009); });
    EXPECT_THAT(heard, testing::ElementsAre("ready p1 panel", "too large p1", "lost p1"));
    EXPECT_THAT(daemon.logged, testing::Contains(testing::AllOf(HasSubstr("agent p1"), HasSubstr("1009"),
                                                                HasSubstr("message_bytes is 1048576"),
                                                                HasSubstr("limits.peer_message_bytes"))));
}

TEST_F(SessionsTest, AnAgenthostAnswersTooLargeItself)
{
    connect(Protocol::panel, {{"authorization", "Bearer " + token("p1", 1h)},
                              {"x-agent-id", "p1"},
                              {"user-agent", "agenthost/0.1.0"}});
    enter([&] { sessions.closed(last, 1009); });
    EXPECT_THAT(heard, testing::ElementsAre("ready p1 panel", "lost p1"));
    EXPECT_THAT(daemon.logged, testing::Contains(HasSubstr("1009")));
}

TEST_F(SessionsTest, AFirstMessageThatIsTooLargeIsAFailedAttempt)
{
    connect(Protocol::print, {{"x-shop-id", "n1"}, {"authorization", "Bearer secret-of-n1"}});
    enter([&] { sessions.closed(last, 1009); });
    EXPECT_TRUE(heard.empty());
    ASSERT_EQ(sessions.attempts().all().size(), 1U);
    EXPECT_THAT(sessions.attempts().all()[0].reason, HasSubstr("1048576"));
}

} // namespace
