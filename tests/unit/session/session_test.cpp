#include "fixture.hpp"

namespace agenthost::test {
namespace {

TEST_F(SessionTest, AuthenticatesAndServesCommands)
{
    serve({.on_ready = [](Peer& peer) {
        peer.send(command("echo.say", "r1", {{"text", "hé\"llo"}, {"n", 1}}));
    }});
    connect(config());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() == 2; })) << problem();
    EXPECT_EQ(Json::parse(peer().got[0]),
              (Json{{"action", "auth"}, {"token", "good-token"}, {"agent_id", "agent-7"}}));
    EXPECT_EQ(Json::parse(peer().got[1]), (Json{{"action", "response"},
                                                {"request_id", "r1"},
                                                {"status", "success"},
                                                {"data", {{"text", "hé\"llo"}, {"n", 1}}}}));
    const auto status = session->status();
    EXPECT_EQ(status.state, "ready");
    EXPECT_EQ(status.failures, 0);
    EXPECT_EQ(status.problem, "");
    EXPECT_EQ(status.frames_in, 2u);
    EXPECT_EQ(status.url, "ws://127.0.0.1:" + std::to_string(server->port()) + "/agent");
    EXPECT_GT(status.connected_since, 0);
    EXPECT_NE(peer().request.find("GET /agent?token=query-secret HTTP/1.1"), std::string::npos)
        << peer().request;
}

TEST_F(SessionTest, SendsTheConfiguredHeadersOnTheUpgrade)
{
    serve();
    auto with = config();
    with.headers = {{"X-Region", "eu"}, {"Authorization", "Bearer x"}};
    connect(with);
    ASSERT_TRUE(ready());
    EXPECT_NE(peer().request.find("X-Region: eu\r\n"), std::string::npos) << peer().request;
    EXPECT_NE(peer().request.find("Authorization: Bearer x\r\n"), std::string::npos);
    EXPECT_NE(peer().request.find("User-Agent: agenthost/1.2.3\r\n"), std::string::npos);
    EXPECT_EQ(peer().request.find("permessage-deflate"), std::string::npos);
}

TEST_F(SessionTest, AnswersManyCommandsInFlight)
{
    serve({.on_ready = [](Peer& peer) {
        for (int i = 0; i < 200; ++i) peer.send(command("echo.say", "r" + std::to_string(i), {{"i", i}}));
    }});
    connect(config());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() == 201; })) << problem();
    for (int i = 0; i < 200; ++i)
        EXPECT_EQ(Json::parse(peer().got[static_cast<std::size_t>(i) + 1])["data"]["i"], i);
}

// What waits is long, what is told has the server's words, and no secret.
TEST_F(SessionTest, WaitsTheLongestAfterARefusedCredential)
{
    serve({.answer = R"({"status":"error","message":"unknown\u0007 agent"})"});
    connect(config());
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    EXPECT_GT(session->status().next_attempt - now, 20'000);
    EXPECT_NE(problem().find("refused our credential: unknown? agent"), std::string::npos) << problem();
    EXPECT_EQ(problem().find("good-token"), std::string::npos);
    EXPECT_EQ(problem().find("query-secret"), std::string::npos);
    EXPECT_EQ(peer().close_code, 1000);
}

class RefusedUpgrade : public SessionTest, public testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(Status, RefusedUpgrade, testing::Values(401, 403));

TEST_P(RefusedUpgrade, WaitsTheLongest)
{
    serve({.refuse = GetParam()});
    connect(config());
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    EXPECT_GT(session->status().next_attempt - now, 20'000);
    EXPECT_NE(problem().find("answered " + std::to_string(GetParam())), std::string::npos) << problem();
    EXPECT_EQ(problem().find("query-secret"), std::string::npos);
}

TEST_F(SessionTest, TriesAgainSoonAfterAnUpgradeThatFailedForAnotherReason)
{
    serve({.refuse = 502});
    connect(config());
    ASSERT_TRUE(until([&] { return server->peers.size() == 3; }));
    server->options.refuse = 0;
    EXPECT_TRUE(ready());
}

TEST_F(SessionTest, ReadsTheCredentialAnewForEachAttempt)
{
    serve({.answer = R"({"status":"error"})"});
    connect(config());
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    write_file(dir / "token", "new-token");
    server->options.answer = R"({"status":"ok"})";
    session->reconnect();
    ASSERT_TRUE(ready());
    EXPECT_EQ(Json::parse(peer(1).got.at(0))["token"], "new-token");
}

TEST_F(SessionTest, SaysWhichCredentialCannotBeRead)
{
    serve();
    auto without = config();
    without.credential.name = (dir / "absent").string();
    connect(without);
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    EXPECT_NE(problem().find("absent"), std::string::npos) << problem();
    EXPECT_TRUE(server->peers.empty());
}

TEST_F(SessionTest, GivesUpOnAnAnswerThatIsNone)
{
    serve({.answer = R"({"action":"echo.say","request_id":"r1"})"});
    connect(config());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().close_code == 1002; }));
    EXPECT_NE(problem().find("answer to auth"), std::string::npos) << problem();
    EXPECT_EQ(plugin.invoked, 0u);
}

// The connection is lost after every step of the first two attempts in turn; the third serves a whole day.
class CutAt : public SessionTest, public testing::WithParamInterface<Cut> {};
INSTANTIATE_TEST_SUITE_P(Step, CutAt,
                         testing::Values(Cut::accepted, Cut::upgraded, Cut::hello, Cut::welcome, Cut::command,
                                         Cut::result));

TEST_P(CutAt, ComesBackAndServes)
{
    serve({.cuts = {GetParam(), GetParam()}, .on_ready = [](Peer& peer) {
               peer.send(command("echo.say", "r1", {{"x", 1}}));
           }});
    connect(config());
    ASSERT_TRUE(until([&] { return server->peers.size() >= 3 && peer(2).got.size() == 2; })) << problem();
    EXPECT_EQ(Json::parse(peer(2).got[1])["data"]["x"], 1);
    EXPECT_EQ(session->status().reconnects, 2u);
    EXPECT_EQ(session->status().state, "ready");
}

TEST_F(SessionTest, FindsADeadPeer)
{
    serve({.read_frames = 1});
    auto quick = config();
    quick.heartbeat = 50ms;
    connect(quick);
    ASSERT_TRUE(ready());
    server->options.read_frames = 0;
    ASSERT_TRUE(until([&] { return server->peers.size() >= 2; })) << session->status().state;
    EXPECT_TRUE(ready());
}

TEST_F(SessionTest, TakesPongsForLife)
{
    serve();
    auto quick = config();
    quick.heartbeat = 50ms;
    connect(quick);
    ASSERT_TRUE(ready());
    ASSERT_TRUE(until([&] { return peer().pings >= 8; }));
    EXPECT_EQ(server->peers.size(), 1u);
    EXPECT_EQ(session->status().state, "ready");
}

TEST_F(SessionTest, AnswersPings)
{
    serve({.on_ready = [](Peer& peer) { peer.ping("are you there"); }});
    connect(config());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && !peer().pongs.empty(); }));
    EXPECT_EQ(peer().pongs[0], "are you there");
}

// A peer that asks and does not listen: the session stops reading when its queue is full, keeps every answer,
// and goes on later.
TEST_F(SessionTest, StopsReadingWhenItsQueueIsFullAndLosesNothing)
{
    constexpr int commands = 120;
    static constexpr std::size_t each = 100'000;
    serve({.on_ready =
               [](Peer& peer) {
                   for (int i = 0; i < commands; ++i)
                       peer.send(command("echo.big", "r" + std::to_string(i), {{"bytes", each}}));
               },
           .read_frames = 1});
    auto bounded = config();
    bounded.limits.send_queue = 1 << 20;
    connect(bounded);
    ASSERT_TRUE(ready());
    ASSERT_TRUE(until([&] {
        return session->status().send_queue_bytes > 1 << 19;
    })) // reading stops at 1 MiB, goes on below half
        << session->status().send_queue_bytes << " bytes queued, " << plugin.invoked << " commands ran, "
        << session->status().frames_in << " frames came, " << session->status().frames_out << " went; "
        << session->status().state << " " << session->status().problem;
    const std::size_t before = plugin.invoked;
    EXPECT_LT(before, std::size_t{commands});
    EXPECT_LT(session->status().send_queue_bytes, (1u << 20) + 2 * each);
    peer().read_on(true);
    ASSERT_TRUE(until([&] { return peer().got.size() == commands + 1; })) << peer().got.size();
    for (int i = 0; i < commands; ++i) {
        const Json answer = Json::parse(peer().got[static_cast<std::size_t>(i) + 1]);
        EXPECT_EQ(answer["request_id"], "r" + std::to_string(i));
        EXPECT_EQ(answer["data"]["x"].get_ref<const std::string&>().size(), each);
    }
    EXPECT_EQ(session->status().dropped, 0u);
    EXPECT_EQ(server->peers.size(), 1u);
}

// Answers go past Beast, its pongs do not: both into one cork that is full most of the time.
TEST_F(SessionTest, KeepsAnswersAndPongsWholeWhenThePeerIsSlow)
{
    constexpr int commands = 400, pings = 100;
    static constexpr std::size_t each = 20'000;
    serve({.on_ready =
               [](Peer& peer) {
                   for (int i = 0; i < commands; ++i) {
                       peer.send(command("echo.big", "r" + std::to_string(i),
                                         {{"bytes", each + static_cast<std::size_t>(i) % 7}}));
                       if (i % (commands / pings) == 0)
                           peer.ping(std::string(static_cast<std::size_t>(i) % 120, 'p'));
                   }
               },
           .read_frames = 1});
    auto bounded = config();
    bounded.limits.send_queue = 1 << 20;
    connect(bounded);
    ASSERT_TRUE(ready());
    ASSERT_TRUE(until([&] { return session->status().send_queue_bytes > 1 << 19; }));
    peer().read_on(true);
    ASSERT_TRUE(until([&] { return peer().got.size() == commands + 1; })) << peer().got.size();
    for (int i = 0; i < commands; ++i) {
        const Json answer = Json::parse(peer().got[static_cast<std::size_t>(i) + 1]);
        EXPECT_EQ(answer["request_id"], "r" + std::to_string(i));
        EXPECT_EQ(answer["data"]["x"].get_ref<const std::string&>(),
                  std::string(each + static_cast<std::size_t>(i) % 7, 'x'));
    }
    EXPECT_TRUE(until([&] { return !peer().pongs.empty(); }));
    EXPECT_EQ(server->peers.size(), 1u);
}

TEST_F(SessionTest, ClosesOnAMessageBeyondItsLimit)
{
    serve({.on_ready = [](Peer& peer) {
        peer.send(command("echo.say", "r1", {{"x", std::string(5000, 'x')}}));
    }});
    auto small = config();
    small.limits.message_bytes = 4096;
    connect(small);
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().gone; }));
    EXPECT_EQ(peer().close_code, 1009) << peer().end;
    EXPECT_EQ(plugin.invoked, 0u);
}

TEST_F(SessionTest, ClosesOnBinaryFrames)
{
    serve({.on_ready = [](Peer& peer) { peer.send_binary(command("echo.say", "r1")); }});
    connect(config());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().gone; }));
    EXPECT_EQ(peer().close_code, 1003);
    EXPECT_EQ(plugin.invoked, 0u);
    ASSERT_TRUE(until([&] { return session->status().failures >= 1; }));
    EXPECT_NE(problem().find("the server sent a binary frame of "), std::string::npos) << problem();
}

TEST_F(SessionTest, ClosesOnTextThatIsNotUtf8)
{
    serve({.on_ready = [](Peer& peer) {
        peer.send("{\"action\":\"echo.say\",\"request_id\":\"r\xC3\x28\"}");
    }});
    connect(config());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().gone; }));
    EXPECT_EQ(peer().close_code, 1007) << peer().end;
    EXPECT_EQ(plugin.invoked, 0u);
}

TEST_F(SessionTest, AnswersWhatIsWrongAndStays)
{
    serve({.on_ready = [](Peer& peer) {
        peer.send(R"({"action":)");
        peer.send(R"({"request_id":"r1"})");
        peer.send(command("dance", "r2"));
        peer.send(command("echo.say", "r3"));
    }});
    connect(config());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() == 4; }));
    EXPECT_EQ(Json::parse(peer().got[1])["code"], "INVALID_REQUEST");
    EXPECT_EQ(Json::parse(peer().got[1])["request_id"], "r1");
    EXPECT_EQ(Json::parse(peer().got[2])["message"], "Unknown action: dance");
    EXPECT_EQ(Json::parse(peer().got[3])["status"], "success");
    EXPECT_EQ(session->status().malformed, 2u);
}

TEST_F(SessionTest, WaitsTheLongestWhenClosedForPolicy)
{
    serve({.on_ready = [](Peer& peer) { peer.close(1008); }});
    connect(config());
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    EXPECT_GT(session->status().next_attempt - now, 20'000);
    EXPECT_NE(problem().find("1008"), std::string::npos) << problem();
}

TEST_F(SessionTest, FlushesWhatIsQueuedBeforeItSaysGoodbye)
{
    serve({.on_ready = [](Peer& peer) {
        for (int i = 0; i < 20; ++i)
            peer.send(command("echo.big", "r" + std::to_string(i), {{"bytes", 200'000}}));
    }});
    connect(config());
    ASSERT_TRUE(until([&] { return plugin.invoked == 20; }));
    stop(30s);
    ASSERT_TRUE(until([&] { return peer().gone; }));
    EXPECT_EQ(peer().got.size(), 21u);
    EXPECT_EQ(peer().close_code, 1001);
    EXPECT_EQ(session->status().state, "stopped");
}

TEST_F(SessionTest, StopsInTimeWhenThePeerTakesNothing)
{
    serve({.on_ready =
               [](Peer& peer) {
                   for (int i = 0; i < 50; ++i)
                       peer.send(command("echo.big", "r" + std::to_string(i), {{"bytes", 200'000}}));
               },
           .read_frames = 1});
    auto bounded = config();
    bounded.limits.send_queue = 1 << 20;
    connect(bounded);
    ASSERT_TRUE(until([&] {
        return session->status().send_queue_bytes > 1 << 19;
    })) // reading stops at 1 MiB, goes on below half
        << session->status().send_queue_bytes << " bytes queued, " << plugin.invoked << " commands ran, "
        << session->status().frames_in << " frames came, " << session->status().frames_out << " went; "
        << session->status().state << " " << session->status().problem;
    const auto begin = std::chrono::steady_clock::now();
    stop(100ms);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
}

TEST_F(SessionTest, StopsWhileItWaitsAndBeforeItStarts)
{
    serve({.cuts = std::vector<Cut>(1, Cut::accepted)});
    auto slow = config();
    slow.reconnect.initial = 30s;
    connect(slow);
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    stop();
    EXPECT_EQ(session->status().state, "stopped");
}

TEST_F(SessionTest, ReconnectsNow)
{
    serve({.cuts = {Cut::accepted}});
    auto slow = config();
    slow.reconnect.initial = 30s;
    connect(slow);
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    session->reconnect();
    ASSERT_TRUE(ready());
    session->reconnect();
    ASSERT_TRUE(until([&] { return server->peers.size() == 3; }));
    EXPECT_TRUE(ready());
    EXPECT_EQ(peer(1).close_code, 1000);
}

// The result of work with effects stays owed until the peer has proved, by a pong, that it read so far.
TEST_F(SessionTest, CountsAResultAsDeliveredOnlyAfterThePong)
{
    serve({.on_ready =
               [](Peer& peer) {
                   peer.send(command("echo.write", "w1", {{"x", 1}}));
               },
           .read_frames = 2}); // the hello and the result; the ping behind it is not read
    connect(config());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() == 2; }));
    EXPECT_EQ(journal->stats().undelivered, 1u);
    EXPECT_FALSE(
        until([&] { return journal->stats().undelivered == 0; }, 400ms)); // several times the ping's delay
    peer().read_on(true);
    EXPECT_TRUE(until([&] { return journal->stats().undelivered == 0; }));
    EXPECT_EQ(plugin.invoked, 1u);
}

TEST_F(SessionTest, SendsAgainWhatWasNotProvedAndDoesNotRunAgain)
{
    serve({.cuts = {Cut::result}, .on_ready = [this](Peer& peer) {
               if (server->peers.size() == 1) peer.send(command("echo.write", "w1", {{"x", 1}}));
           }});
    connect(config());
    ASSERT_TRUE(until([&] { return server->peers.size() == 2 && peer(1).got.size() == 2; })) << problem();
    EXPECT_EQ(Json::parse(peer(1).got[1])["request_id"], "w1");
    EXPECT_EQ(Json::parse(peer(1).got[1])["data"]["x"], 1);
    EXPECT_EQ(plugin.invoked, 1u);
    EXPECT_TRUE(until([&] { return journal->stats().undelivered == 0; }));
}

TEST_F(SessionTest, ProvesDeliveryBeforeItSaysGoodbye)
{
    serve({.on_ready = [](Peer& peer) { peer.send(command("echo.write", "w1", {{"x", 1}})); }});
    connect(config());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() == 2; }));
    stop(30s);
    EXPECT_TRUE(until([&] { return journal->stats().undelivered == 0; }));
    EXPECT_TRUE(until([&] { return peer().close_code == 1001; }));
}

TEST_F(SessionTest, TellsWhereItCouldNotConnect)
{
    serve();
    const int port = server->port();
    server.reset();
    connect(config("ws://127.0.0.1:" + std::to_string(port) + "/"));
    ASSERT_TRUE(until([&] { return session->status().failures >= 2; }));
    EXPECT_NE(problem().find("127.0.0.1:" + std::to_string(port) + " Connection refused"), std::string::npos)
        << problem();
}

TEST_F(SessionTest, RefusesClearTextBeyondLoopback)
{
    connect(config("ws://192.0.2.1/agent"));
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    EXPECT_NE(problem().find("insecure: true"), std::string::npos) << problem();
}

TEST_F(SessionTest, SaysWhatIsWrongWithItsUrl)
{
    connect(config("http//nothing"));
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    EXPECT_NE(problem().find("must begin with wss://"), std::string::npos) << problem();
}

} // namespace
} // namespace agenthost::test
