// A session's life: taken over, told of a changed secret, flooded, alone for long; what waits arrives, in
// order.
#include "fixture.hpp"

namespace agenthost::test {
namespace {

TEST_F(SessionTest, HasNeverTwoLivingConnections)
{
    serve();
    connect(config());
    for (std::size_t i = 1; i <= 20; ++i) {
        ASSERT_TRUE(until([&] { return server->peers.size() == i && ready(); })) << problem();
        if (i % 3 == 0)
            peer(i - 1).cut();
        else
            session->reconnect();
    }
    EXPECT_EQ(server->most_open, 1);
}

TEST_F(SessionTest, TakesANewSecretFromItsFileAtOnce)
{
    serve();
    auto quick = config();
    quick.heartbeat = 50ms;
    connect(quick);
    ASSERT_TRUE(ready());
    ASSERT_TRUE(until([&] { return peer().pings >= 4; }));
    EXPECT_EQ(server->peers.size(), 1u); // an unchanged file changes nothing
    write_file(dir / "token", "new-token\n");
    ASSERT_TRUE(until([&] { return server->peers.size() == 2 && !peer(1).got.empty(); }));
    EXPECT_EQ(Json::parse(peer(1).got[0])["token"], "new-token");
    ASSERT_TRUE(ready());
    std::filesystem::remove(dir / "token"); // being replaced: no reason to leave
    ASSERT_TRUE(until([&] { return peer(1).pings >= 4; }));
    EXPECT_EQ(session->status().state, "ready");
    EXPECT_EQ(server->peers.size(), 2u);
    EXPECT_EQ(server->most_open, 1);
}

TEST_F(SessionTest, AdmitsNoMoreCommandsASecondThanItsLimit)
{
    serve({.on_ready = [](Peer& peer) {
        for (int i = 0; i < 60; ++i) peer.send(command("echo.say", "r" + std::to_string(i)));
    }});
    auto limited = config();
    limited.limits.messages_per_second = 10;
    connect(limited);
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() == 61; })) << problem();
    int refused = 0;
    for (std::size_t i = 1; i < peer().got.size(); ++i)
        refused += Json::parse(peer().got[i]).value("code", "") == "RATE_LIMIT";
    EXPECT_GE(refused, 30);
    EXPECT_EQ(plugin.invoked, 60u - static_cast<unsigned>(refused));
    EXPECT_GE(plugin.invoked, 10u);
}

// The server goes away while work runs. Its results wait in the journal and come, oldest first, when it is
// back.
TEST_F(SessionTest, DeliversInOrderWhatEndedWhileItWasAlone)
{
    constexpr int commands = 30;
    serve({.on_ready = [this](Peer& peer) {
        if (server->peers.size() > 1) return;
        for (int i = 0; i < commands; ++i)
            peer.send(command("echo.write_later", "w" + std::to_string(i), {{"i", i}}));
    }});
    connect(config());
    ASSERT_TRUE(until([&] { return plugin.held() == commands; })) << plugin.held() << problem();
    server->options.refuse = 503;
    peer().cut();
    ASSERT_TRUE(until([&] { return session->status().failures >= 3; }));
    plugin.release();
    ASSERT_TRUE(until([&] { return journal->stats().undelivered == commands; }))
        << journal->stats().undelivered;
    ASSERT_TRUE(until([&] { return session->status().failures >= 6; }));
    EXPECT_EQ(session->status().send_queue_bytes, 0u); // nothing waits encoded
    server->options.refuse = 0;
    ASSERT_TRUE(until([&] { return server->peers.back()->got.size() == commands + 1; })) << problem();
    for (int i = 0; i < commands; ++i)
        EXPECT_EQ(Json::parse(server->peers.back()->got[static_cast<std::size_t>(i) + 1])["request_id"],
                  "w" + std::to_string(i));
    EXPECT_TRUE(until([&] { return journal->stats().undelivered == 0; }));
    EXPECT_EQ(plugin.invoked, std::size_t{commands});
}

TEST_F(SessionTest, CountsWhatItsProtocolHasNoWordsFor)
{
    serve();
    connect(config());
    ASSERT_TRUE(ready());
    for (int i = 0; i < 5; ++i) dispatcher->emit("echo", "echo.noise", "*", 0, "{}");
    ASSERT_TRUE(until([&] { return session->status().unspoken == 5; }));
    EXPECT_EQ(peer().got.size(), 1u);
}

// Events that nobody takes wait in a bounded queue; the newest stay, what was dropped is counted.
TEST_F(SessionTest, KeepsTheNewestEventsWhileItIsAlone)
{
    serve({.refuse = 503, .answer = ""});
    auto print = config_of("print");
    connect(print);
    ASSERT_TRUE(until([&] { return session->status().failures >= 1; }));
    constexpr int events = 1000;
    for (int i = 0; i < events; ++i) {
        ASSERT_EQ(dispatcher->emit("echo", "echo.news", "*", 0, R"({"i":)" + std::to_string(i) + "}"),
                  AGH_OK);
        if (i % 20 == 0) io.restart(), io.poll();
    }
    ASSERT_TRUE(until([&] { return dispatcher->stats().dropped_events > 0; }));
    server->options.refuse = 0;
    ASSERT_TRUE(until([&] { return session->status().state == "ready"; })) << problem();
    std::vector<int> came;
    ASSERT_TRUE(until([&] {
        came.clear();
        for (const auto& frame : server->peers.back()->got) {
            const Json json = Json::parse(frame);
            if (json["type"] == "log_event") came.push_back(json["payload"]["data"]["i"]);
        }
        return !came.empty() && came.back() == events - 1;
    })) << came.size();
    EXPECT_EQ(came.size() + dispatcher->stats().dropped_events, std::size_t{events});
    for (std::size_t i = 0; i < came.size(); ++i)
        EXPECT_EQ(came[i], events - static_cast<int>(came.size()) + static_cast<int>(i));
}

// Where there is nobody: refused, unknown, silent. Each is told as what it is.
TEST_F(SessionTest, TellsWhyNobodyIsThere)
{
    connect(config("ws://no-such-host.invalid/agent"));
    ASSERT_TRUE(until([&] { return session->status().failures >= 1; }));
    EXPECT_NE(problem().find("cannot look up no-such-host.invalid"), std::string::npos) << problem();
}

} // namespace
} // namespace agenthost::test
