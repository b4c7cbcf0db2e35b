// Why a session is away, and what a person and the other end learn about it.
#include "fixture.hpp"

#include "host/session/outage.hpp"

#include <ctime>

namespace agenthost::test {
namespace {

std::int64_t utc_ms()
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::string http_date(std::int64_t ms)
{
    const auto seconds = static_cast<std::time_t>(ms / 1000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[64];
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return text;
}

TEST(Outage, KeepsItsFirstCauseUntilItIsOver)
{
    host::Outage outage;
    outage.failed("refused", 10);
    outage.failed("", 15); // an end that we asked for
    outage.failed("no route", 20);
    EXPECT_EQ(outage.first().why, "refused");
    EXPECT_EQ(outage.first().at, 10);
    EXPECT_EQ(outage.latest().why, "no route");
    EXPECT_EQ(outage.latest().at, 20);
    outage.over();
    EXPECT_EQ(outage.first().at, 0);
    outage.failed("again", 30);
    EXPECT_EQ(outage.first().why, "again");
}

TEST_F(SessionTest, KeepsTheFirstCauseOfAnOutageNextToTheLatest)
{
    serve({.refuse = 503, .answer = ""});
    const auto before = utc_ms();
    connect(config());
    ASSERT_TRUE(until([&] { return session->status().failures >= 1; }));
    server.reset();
    ASSERT_TRUE(until([&] { return problem().find("Connection refused") != std::string::npos; }))
        << problem();
    const auto status = session->status();
    EXPECT_NE(status.first_problem.find("answered 503"), std::string::npos) << status.first_problem;
    EXPECT_GE(status.first_problem_at, before);
    EXPECT_GE(status.problem_at, status.first_problem_at);
    const std::string text = host::problem_text(status, status.first_problem_at + 5 * 60'000);
    EXPECT_TRUE(text.starts_with(status.problem)) << text;
    EXPECT_NE(text.find("(the outage began 5 min ago with: " + status.first_problem), std::string::npos)
        << text;
}

// What we do to a dead connection must not become its cause.
TEST_F(SessionTest, SaysThatThePeerWasSilentAndNotThatItsOwnReadWasCancelled)
{
    serve({.read_frames = 1}); // nothing behind the hello is read, so no ping is answered
    auto quick = config();
    quick.heartbeat = 50ms;
    connect(quick);
    ASSERT_TRUE(until([&] { return session->status().failures >= 1; }));
    EXPECT_NE(session->status().first_problem.find("has been silent for two heartbeat intervals"),
              std::string::npos)
        << session->status().first_problem;
    EXPECT_EQ(said.find("anceled"), std::string::npos) << said;
}

// The Date of an upgrade is old when its session ends: measured again, the time between would look like a
// skew.
TEST_F(SessionTest, DoesNotTakeTheAgeOfASessionForASkewOfTheClock)
{
    write_file(dir / "token", "hmac-secret");
    serve({.answer = "", .date = http_date(utc_ms() - 5000)});
    connect(config_of("signed", R"({"metrics_interval_ms":3600000})"));
    ASSERT_TRUE(ready()) << problem(); // after two seconds of silence
    const auto measured = session->status().clock_offset_ms;
    ASSERT_TRUE(measured);
    EXPECT_GE(*measured, 5000);
    server->options.refuse = 503;
    server->options.date.clear();
    peer().cut();
    ASSERT_TRUE(until([&] { return session->status().failures >= 1; }));
    EXPECT_EQ(session->status().clock_offset_ms, measured) << "measured once, when it came";
}

TEST_F(SessionTest, LogsOnceAConnectionWhatItCannotUseAndShowsNoValueOfIt)
{
    serve({.on_ready = [](Peer& peer) {
        peer.send(R"({"type":"register","token":"header-secret","name":"x"})");
        peer.send("good-token");
        peer.send(command("echo.say", "r"));
    }});
    connect(config());
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() >= 2; })) << problem();
    EXPECT_EQ(session->status().malformed, 2u);
    ASSERT_EQ(warned.size(), 1u);
    EXPECT_NE(warned[0].find("sent a frame that cannot be used"), std::string::npos) << warned[0];
    EXPECT_NE(warned[0].find(R"(an object with type "register", token, name)"), std::string::npos)
        << warned[0];
    EXPECT_NE(session->status().malformed_last.find("10 bytes, not JSON"), std::string::npos);
    session->reconnect();
    ASSERT_TRUE(until([&] { return server->peers.size() == 2 && peer(1).got.size() >= 2; }));
    EXPECT_EQ(warned.size(), 2u); // another connection
    for (const auto& line : warned) said += line;
}

TEST_F(SessionTest, SaysWhatCameInsteadOfAnAnswerToItsHello)
{
    serve({.answer = R"({"event":"welcome","sid":"query-secret"})"});
    connect(config());
    ASSERT_TRUE(until([&] { return session->status().failures >= 1; }));
    EXPECT_NE(problem().find(R"(an object with event "welcome", sid)"), std::string::npos) << problem();
}

// A word that the protocol does not have is waited through, but not in silence.
TEST_F(SessionTest, SaysWhatCameWhereNoAnswerToItsHelloDid)
{
    serve({.answer = R"({"type":"ACK","id":"1","timestamp":1,"payload":{"accessToken":"query-secret"}})"});
    connect(config_of("dashboard", "{}"));
    ASSERT_TRUE(until([&] { return session->status().malformed == 1; })) << problem();
    ASSERT_EQ(warned.size(), 1u);
    EXPECT_NE(warned[0].find(R"(an object with type "ACK", id, timestamp, payload)"), std::string::npos)
        << warned[0];
    EXPECT_EQ(warned[0].find("query-secret"), std::string::npos) << warned[0];
    ASSERT_TRUE(until([&] { return session->status().failures >= 1; }));
    EXPECT_NE(problem().find("no answer to the handshake from "), std::string::npos) << problem();
    EXPECT_NE(problem().find("Check url and protocol of this server"), std::string::npos) << problem();
    EXPECT_NE(session->status().malformed_last.find(R"(type "ACK")"), std::string::npos);
}

// Two machines with one identity: what each of them sees.
TEST_F(SessionTest, NoticesThatAnotherAgentUsesItsIdentityAndBacksOff)
{
    serve(
        {.on_ready = [](Peer& peer) { peer.close_with(1000, "replaced by a newer session of this agent"); }});
    connect(config());
    ASSERT_TRUE(until([&] { return session->status().in_conflict && session->status().state == "waiting"; }));
    EXPECT_EQ(server->peers.size(), 2u); // once may be a restart; twice is a conflict
    EXPECT_GE(session->status().next_attempt - utc_ms(), 25'000);
    EXPECT_NE(problem().find("another agent uses this agent's identity (agent-7)"), std::string::npos)
        << problem();
    EXPECT_NE(problem().find("replaced by a newer session"), std::string::npos) << problem();
    // A session that gets through says so as well, for a while: health and log show it.
    server->options.on_ready = nullptr;
    session->reconnect();
    ASSERT_TRUE(ready()) << problem();
    EXPECT_TRUE(session->status().in_conflict);
    EXPECT_NE(session->status().notice.find("another agent uses this agent's identity"), std::string::npos)
        << session->status().notice;
}

// A takeover is not a wrong credential, whatever the code: renewing it would throw the other agent out for
// good.
TEST_F(SessionTest, DoesNotTakeATakeoverForARefusal)
{
    serve({.on_ready = [](Peer& peer) { peer.close_with(1008, "Duplicate connection: replaced"); }});
    connect(config());
    ASSERT_TRUE(until([&] { return server->peers.size() == 2; })) << problem(); // the first time at once
}

} // namespace
} // namespace agenthost::test
