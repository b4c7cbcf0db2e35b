// Events that dashboards subscribe to.
#include "dashboards_fixture.hpp"

using namespace agenthost::hub_test;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

namespace {

class FeedTest : public DashboardsTest {
protected:
    void subscribe(Conn conn, const json& payload)
    {
        json with = payload;
        with["requestId"] = "r";
        heard(conn);
        say(conn, "subscribe", with);
        EXPECT_EQ(only(conn)["payload"]["status"], "success");
    }
    void report(const std::string& agent, const std::string& server, const std::string& topic,
                const json& data = json::object())
    {
        const std::string text = data.dump();
        enter([&] { dashboards.agent_event(agent, {.topic = topic, .json = text, .target = server}); });
    }
    void line(const std::string& agent, int n)
    {
        report(agent, "mc1", "server_log", {{"message", "x"}, {"n", n}});
    }
};

TEST_F(FeedTest, SendsWhatWasAskedForAndNothingElse)
{
    join_agent("d2");
    const Conn none = open_dashboard(), all = open_dashboard(), one = open_dashboard();
    subscribe(all, {{"agentId", "*"}});
    subscribe(one,
              {{"agentId", "d1"}, {"serverId", "mc1"}, {"topics", {"server_status_changed", "progress"}}});
    heard(none);
    report("d1", "mc1", "server_status_changed", {{"currentStatus", "running"}});
    report("d1", "mc2", "server_status_changed");
    report("d1", "mc1", "server_log");
    report("d2", "mc1", "docker.server_log");
    EXPECT_TRUE(heard(none).empty());
    EXPECT_EQ(heard(all).size(), 4U);
    const json frame = only(one);
    EXPECT_EQ(frame["type"], "event");
    EXPECT_EQ(frame["payload"], (json{{"agentId", "d1"},
                                      {"serverId", "mc1"},
                                      {"event", "server_status_changed"},
                                      {"data", {{"currentStatus", "running"}}}}));
    enter(
        [&] { dashboards.agent_event("d1", {.topic = "progress", .json = "{}", .target = "mc1"}, "req_1"); });
    EXPECT_EQ(only(one)["payload"]["taskId"], "req_1");
}

TEST_F(FeedTest, TwoSubscriptionsThatCoverAnEventSendItOnce)
{
    const Conn conn = open_dashboard();
    subscribe(conn, {{"agentId", "*"}});
    subscribe(conn, {{"agentId", "d1"}, {"topics", {"server_log"}}});
    subscribe(conn, {{"agentId", "d1"}, {"serverId", "mc1"}});
    line("d1", 1);
    EXPECT_EQ(only(conn)["payload"]["event"], "server_log");
}

TEST_F(FeedTest, UnsubscribingEndsIt)
{
    const Conn conn = open_dashboard();
    subscribe(conn, {{"agentId", "d1"}});
    say(conn, "unsubscribe", {{"agentId", "d1"}, {"requestId", "r"}});
    EXPECT_EQ(only(conn)["payload"]["status"], "success");
    line("d1", 1);
    EXPECT_TRUE(heard(conn).empty());
    subscribe(conn, {{"agentId", "d1"}});
    enter([&] { dashboards.closed(conn); });
    line("d1", 2); // nobody is there
}

TEST_F(FeedTest, ADashboardSubscribesOnlyToWhatItMaySee)
{
    join_agent("d2");
    const Conn conn = open_dashboard(std::vector<std::string>{"d2"});
    heard(conn);
    say(conn, "subscribe", {{"agentId", "d1"}});
    EXPECT_EQ(code(conn), "AGENT_OFFLINE");
    subscribe(conn, {{"agentId", "*"}});
    line("d1", 1);
    EXPECT_TRUE(heard(conn).empty());
    line("d2", 1);
    EXPECT_EQ(heard(conn).size(), 1U);
}

TEST_F(FeedTest, RefusesMalformedAndTooManySubscriptions)
{
    const Conn conn = open_dashboard();
    heard(conn);
    for (const json& payload :
         {json{{"topics", {"x"}}}, json{{"agentId", "d1"}, {"topics", "x"}},
          json{{"agentId", "d1"}, {"topics", {5}}}, json{{"agentId", "d1"}, {"topics", {""}}},
          json{{"agentId", "d1"}, {"topics", {"a\"b"}}},
          json{{"agentId", "d1"}, {"topics", std::vector<std::string>(65, "x")}}}) {
        say(conn, "subscribe", payload);
        EXPECT_EQ(code(conn), "INVALID_MESSAGE") << payload;
    }
    for (std::size_t i = 0; i < DashboardFeed::max_subscriptions; ++i) {
        pass(20ms);
        say(conn, "subscribe", {{"agentId", "d1"}, {"serverId", "s" + std::to_string(i)}});
    }
    EXPECT_TRUE(heard(conn).empty());
    pass(20ms);
    say(conn, "subscribe", {{"agentId", "d1"}, {"serverId", "one more"}});
    EXPECT_EQ(code(conn), "RATE_LIMIT");
    pass(20ms);
    say(conn, "subscribe", {{"agentId", "d1"}, {"serverId", "s0"}, {"topics", {"x"}}});
    EXPECT_TRUE(heard(conn).empty()) << "an existing one may be changed";
}

TEST_F(FeedTest, ASlowDashboardIsToldWhatItMissedAndAQuietAgentLosesNothing)
{
    join_agent("d2");
    const Conn slow = open_dashboard(), fast = open_dashboard();
    subscribe(slow, {{"agentId", "*"}});
    subscribe(fast, {{"agentId", "*"}});
    daemon.full.insert(slow);
    line("d2", 0);
    const std::string long_line(1000, 'x');
    for (int i = 0; i < 900; ++i) report("d1", "mc1", "server_log", {{"message", long_line}, {"n", i}});
    EXPECT_EQ(heard(fast).size(), 901U) << "not delayed by the slow one";
    daemon.full.erase(slow);
    enter([&] { dashboards.writable(slow); });
    std::uint64_t dropped = 0, got = 0;
    int last = -1;
    bool quiet = false;
    for (const json& frame : heard(slow)) {
        if (frame["type"] == "event:dropped") {
            EXPECT_EQ(frame["payload"]["agentId"], "d1");
            dropped += frame["payload"]["dropped"].get<std::uint64_t>();
            continue;
        }
        quiet |= frame["payload"]["agentId"] == "d2";
        if (frame["payload"]["agentId"] != "d1") continue;
        EXPECT_GT(frame["payload"]["data"]["n"], last);
        last = frame["payload"]["data"]["n"];
        ++got;
    }
    EXPECT_TRUE(quiet);
    EXPECT_EQ(last, 899) << "the newest are kept";
    EXPECT_EQ(got + dropped, 900U);
    EXPECT_GT(dropped, 500U) << "256 KiB are kept";
}

TEST_F(FeedTest, AnAgentThatReportsTooMuchIsCutAndTheNumberTold)
{
    const Conn conn = open_dashboard();
    subscribe(conn, {{"agentId", "d1"}});
    for (int i = 0; i < 1'500; ++i) line("d1", i);
    EXPECT_EQ(heard(conn).size(), 1'000U);
    pass(1s);
    const json notice = only(conn);
    EXPECT_EQ(notice["type"], "event:dropped");
    EXPECT_EQ(notice["payload"], (json{{"agentId", "d1"}, {"dropped", 500}}));
    for (int i = 0; i < 1'001; ++i) line("d1", i);
    pass(100ms);
    line("d1", 1);
    const auto frames = heard(conn);
    EXPECT_EQ(frames[frames.size() - 2]["payload"]["dropped"], 1) << "before the next event";
    pass(2s);
    EXPECT_TRUE(heard(conn).empty()) << "told once";
}

TEST_F(FeedTest, AFloodOfLinesDoesNotDisplaceOtherEvents)
{
    const Conn lines = open_dashboard(), states = open_dashboard();
    subscribe(lines, {{"agentId", "d1"}});
    subscribe(states, {{"agentId", "d1"}, {"topics", {"server_status_changed"}}});
    for (int i = 0; i < 1'500; ++i) line("d1", i);
    report("d1", "mc1", "server_status_changed");
    EXPECT_EQ(only(states)["payload"]["event"], "server_status_changed");
    pass(1s);
    EXPECT_TRUE(heard(states).empty()) << "it has missed nothing";
    EXPECT_EQ(heard(lines).back()["payload"]["dropped"], 500);
}

TEST_F(FeedTest, DataThatIsTooLargeIsLeftOut)
{
    const Conn conn = open_dashboard();
    subscribe(conn, {{"agentId", "d1"}});
    report("d1", "mc1", "server_log", {{"message", std::string(DashboardFeed::max_data, 'x')}});
    EXPECT_GT(only(conn)["payload"]["data"]["omittedBytes"], DashboardFeed::max_data);
}

} // namespace
