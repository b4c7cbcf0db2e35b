// What a server accepts in one message, and what becomes of what is larger.
#include "fixture.hpp"

namespace agenthost::test {
namespace {

constexpr std::size_t small = 4096;

class PeerLimit : public SessionTest {
protected:
    host::ServerConfig limited()
    {
        auto made = config();
        made.limits.peer_message_bytes = small;
        return made;
    }
    static std::string text(std::size_t bytes) { return std::string(bytes, 'x'); }
};

TEST_F(PeerLimit, TurnsALargerResultIntoAnErrorWithBothSizes)
{
    serve({.on_ready = [](Peer& peer) {
        peer.send(command("echo.big", "r1", {{"bytes", 8000}}));
        peer.send(command("echo.say", "r2", {{"x", text(100)}}));
    }});
    connect(limited());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() >= 3; })) << problem();
    const Json answer = Json::parse(peer().got[1]);
    EXPECT_EQ(answer["request_id"], "r1");
    EXPECT_EQ(answer["status"], "error");
    EXPECT_EQ(answer["code"], "TOO_LARGE");
    EXPECT_NE(answer["message"].get<std::string>().find("80"), std::string::npos)
        << answer; // 8000 and its wrapping
    EXPECT_NE(answer["message"].get<std::string>().find("the server accepts 4096"), std::string::npos)
        << answer;
    EXPECT_EQ(Json::parse(peer().got[2])["status"], "success");
    EXPECT_EQ(session->status().too_large, 1u);
    EXPECT_EQ(session->status().state, "ready");
}

// The border: a frame of exactly the limit goes, one byte more does not.
TEST_F(PeerLimit, CountsTheWholeFrame)
{
    serve({.on_ready = [](Peer& peer) {
        for (int n = 3900; n < 4100; ++n)
            peer.send(command("echo.big", "r" + std::to_string(n), {{"bytes", n}}));
    }});
    connect(limited());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() >= 201; })) << problem();
    std::size_t longest = 0, errors = 0;
    for (const auto& frame : peer().got) {
        longest = std::max(longest, frame.size());
        errors += frame.find("TOO_LARGE") != std::string::npos;
    }
    EXPECT_EQ(longest, small);
    EXPECT_GT(errors, 50u);
    EXPECT_LT(errors, 150u);
}

TEST_F(PeerLimit, KeepsTheErrorInPlaceOfAStoredResult)
{
    serve({.on_ready = [](Peer& peer) { peer.send(command("echo.write", "w1", {{"x", text(8000)}})); }});
    connect(limited());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() >= 2; })) << problem();
    EXPECT_EQ(Json::parse(peer().got[1])["code"], "TOO_LARGE");
    ASSERT_TRUE(until([&] { return journal->stats().undelivered == 0; }));
    // A repeat gets the same answer, also where the limit has been raised since.
    stop();
    auto raised = config();
    connect(raised);
    ASSERT_TRUE(until([&] { return server->peers.size() == 2 && peer(1).got.size() >= 2; })) << problem();
    EXPECT_EQ(Json::parse(peer(1).got[1])["code"], "TOO_LARGE");
    EXPECT_EQ(plugin.invoked, 1u);
}

// A server that accepts less than the configuration says closes with 1009. Sent again on the next session,
// the result would end that too.
TEST_F(PeerLimit, ReplacesAStoredResultThatTheServerRefusedWith1009)
{
    serve({.on_ready =
               [this](Peer& peer) {
                   if (server->peers.size() == 1) peer.send(command("echo.write", "w1", {{"x", text(8000)}}));
               },
           .message_bytes = small});
    connect(config());
    ASSERT_TRUE(until([&] { return server->peers.size() == 2 && peer(1).got.size() >= 2; })) << problem();
    const Json answer = Json::parse(peer(1).got[1]);
    EXPECT_EQ(answer["request_id"], "w1");
    EXPECT_EQ(answer["code"], "TOO_LARGE");
    EXPECT_NE(answer["message"].get<std::string>().find("limits.peer_message_bytes is 1048576"),
              std::string::npos)
        << answer;
    EXPECT_EQ(session->status().state, "ready");
    EXPECT_NE(session->status().first_problem.find("closed with 1009: a message of 80"), std::string::npos)
        << session->status().first_problem;
    ASSERT_TRUE(until([&] { return journal->stats().undelivered == 0; }));
    // The next one of that size is not tried.
    peer(1).send(command("echo.write", "w2", {{"x", text(8000)}}));
    ASSERT_TRUE(until([&] { return peer(1).got.size() >= 3; })) << problem();
    EXPECT_EQ(Json::parse(peer(1).got[2])["code"], "TOO_LARGE");
    EXPECT_EQ(server->peers.size(), 2u);
    EXPECT_EQ(plugin.invoked, 2u);
}

TEST_F(PeerLimit, DropsLargerEventsAndCountsThem)
{
    serve({.answer = ""});
    auto print = config_of("print");
    print.limits.peer_message_bytes = small;
    connect(print);
    ASSERT_TRUE(ready()) << problem();
    dispatcher->emit("echo", "echo.news", "*", 0, R"({"x":")" + text(5000) + "\"}");
    dispatcher->emit("echo", "echo.news", "*", 0, R"({"x":"short"})");
    ASSERT_TRUE(until([&] { return peer().got.size() >= 3; })); // register, heartbeat, the short one
    EXPECT_NE(peer().got[2].find("short"), std::string::npos) << peer().got[2];
    EXPECT_EQ(session->status().too_large, 1u);
}

TEST_F(PeerLimit, CutsOutputSoThatItFitsWhateverItsBytes)
{
    serve({.answer = R"({"version":"1.0.0","type":"connection:ack","payload":{"connectionId":"c"}})"});
    auto desk = config_of("dashboard");
    desk.limits.peer_message_bytes = small;
    connect(desk);
    ASSERT_TRUE(ready()) << problem();
    peer().send(R"({"version":"1.0.0","type":"echo.hold","payload":{"requestId":"r1","params":{}}})");
    ASSERT_TRUE(until([&] { return plugin.held() == 1; })) << problem();
    const std::string nuls(20'000, '\0'); // each is six bytes of JSON
    ASSERT_EQ(dispatcher->stream("echo", plugin.held_id(), 1, 0, nuls), AGH_OK);
    std::size_t came = 0;
    ASSERT_TRUE(until([&] {
        came = 0;
        for (const auto& frame : peer().got)
            if (const Json json = Json::parse(frame); json["type"] == "terminal:output")
                came += json["payload"]["data"].get<std::string>().size();
        return came >= nuls.size();
    })) << came;
    for (const auto& frame : peer().got) EXPECT_LE(frame.size(), small);
    EXPECT_EQ(session->status().too_large, 0u);
    plugin.release();
}

} // namespace
} // namespace agenthost::test
