// Reports of agents: storage, bounds, queries.
#include "tests/unit/hub/parts.hpp"

using namespace agenthost::hub_test;
using namespace std::chrono_literals;

namespace {

class ReportsTest : public PartsTest {
protected:
    void sample(const std::string& agent, int cpu)
    {
        const std::string text = R"({"cpu_percent":)" + std::to_string(cpu) + "}";
        enter([&] { reports.metrics(agent, {.json = text, .at = 7}); });
    }
};

TEST_F(ReportsTest, MetricsHaveALatestAndAHistory)
{
    join("n1", "signed");
    for (int cpu = 1; cpu <= 3; ++cpu) {
        sample("n1", cpu);
        pass(5s);
    }
    const json got = get("/api/agents/n1/metrics");
    EXPECT_EQ(got["latest"]["cpu_percent"], 3);
    ASSERT_EQ(got["samples"].size(), 3U);
    EXPECT_EQ(got["samples"][0]["cpu_percent"], 1);
    EXPECT_EQ(got["samples"][2]["at"], utc - 5'000);
    EXPECT_EQ(get("/api/agents/n1/metrics", "limit=1")["samples"][0]["cpu_percent"], 3) << "the newest";
    EXPECT_EQ(status(ask("GET", "/api/agents/n1/metrics", {}, "limit=x")), 400);
    EXPECT_EQ(status(ask("GET", "/api/agents/nobody/metrics")), 404);
}

TEST_F(ReportsTest, TheLoadInAHeartbeatCountsAsMetrics)
{
    join("panel-1", "panel");
    beat(
        "panel-1",
        R"({"agent_status":"healthy","active_servers":3,"system_load":{"cpu":25.5,"memory":65.2,"disk":40.1}})");
    const json got = get("/api/agents/panel-1/metrics");
    EXPECT_EQ(got["latest"]["cpu_percent"], 25.5);
    EXPECT_EQ(got["latest"]["mem_percent"], 65.2);
    EXPECT_EQ(got["samples"][0]["disk_percent"], 40.1);
}

TEST_F(ReportsTest, HealthGivesTheReason)
{
    join("n1", "panel");
    EXPECT_EQ(get("/api/agents/n1/health")["health"], "healthy");
    EXPECT_TRUE(get("/api/agents/n1/health")["last_heartbeat"].is_null());
    beat("n1", R"({"agent_status":"healthy","active_servers":3})");
    json health = get("/api/agents/n1/health");
    EXPECT_EQ(health["health"], "healthy");
    EXPECT_EQ(health["facts"]["active_servers"], 3);
    EXPECT_EQ(health["last_heartbeat"], utc);
    beat("n1", R"({"agent_status":"degraded"})");
    EXPECT_EQ(get("/api/agents/n1/health")["health"], "degraded");
    beat("n1", "{}");
    pass(90s);
    EXPECT_EQ(get("/api/agents/n1/health")["health"], "healthy");
    pass(1s);
    health = get("/api/agents/n1/health");
    EXPECT_EQ(health["health"], "degraded");
    EXPECT_THAT(health["reason"], ::testing::HasSubstr("91 s"));
    leave("n1");
    EXPECT_EQ(get("/api/agents/n1/health")["health"], "offline");
    EXPECT_EQ(get("/api/agents/n1/health")["status"], "offline");
    EXPECT_EQ(status(ask("GET", "/api/agents/nobody/health")), 404);
}

// Seen on a release build: {"metrics":{ }} made the hub's answer `{"at":7, }`.
TEST_F(ReportsTest, AnswersAreValidJsonForAnyWhitespace)
{
    join("n1", "dashboard");
    const std::vector<std::string> texts{R"({"metrics":{ }})", R"({ "metrics" : {"cpu_percent" : 1 } })",
                                         "{\"metrics\":{\n\t}}", R"({"metrics":{}})"};
    for (const std::string& facts : texts) {
        beat("n1", facts);
        const json got = get("/api/agents/n1/metrics");
        ASSERT_TRUE(got.is_object()) << facts;
        EXPECT_EQ(got["latest"]["at"], utc) << facts;
    }
    EXPECT_EQ(get("/api/agents/n1/metrics")["samples"].size(), texts.size());
    pass(5s); // they are in the table now
    reports.forget("n1");
    EXPECT_EQ(get("/api/agents/n1/metrics")["latest"]["at"], utc - 5'000);
}

TEST_F(ReportsTest, APeerCannotSetTheHubsOwnKeys)
{
    join("n1", "dashboard");
    beat("n1", R"({"metrics":{"seq":99,"at":1,"cpu_percent":2}})");
    const json got = get("/api/agents/n1/metrics");
    EXPECT_EQ(got["latest"]["at"], utc);
    EXPECT_EQ(got["samples"][0], (json{{"seq", 1}, {"at", utc}, {"cpu_percent", 2}}));
}

TEST_F(ReportsTest, TheTableSoonHasTheLatestReportAndAnswersForIt)
{
    join("n1", "signed");
    beat("n1", R"({"status":"alive"})");
    sample("n1", 42);
    EXPECT_TRUE(tables.reports.empty()) << "not for every heartbeat";
    pass(Reports::flush_every);
    EXPECT_EQ(tables.reports.at({"n1", "heartbeat"}).json, R"({"status":"alive"})");
    enter([&] { reports.forget("n1"); }); // as after a restart
    EXPECT_EQ(get("/api/agents/n1/metrics")["latest"]["cpu_percent"], 42);
    EXPECT_EQ(get("/api/agents/n1/metrics")["samples"].size(), 0U);
    EXPECT_EQ(get("/api/agents/n1/health")["facts"]["status"], "alive");
}

TEST_F(ReportsTest, RetriesWhenTheTableIsFull)
{
    join("n1", "signed");
    beat("n1", R"({"n":1})");
    tables.full = true;
    pass(Reports::flush_every);
    EXPECT_TRUE(tables.reports.empty());
    beat("n1", R"({"n":2})");
    tables.full = false;
    pass(Reports::flush_every);
    EXPECT_EQ(tables.reports.at({"n1", "heartbeat"}).json, R"({"n":2})");
}

TEST_F(ReportsTest, EventsAndLogsAreNumberedAndPaged)
{
    join("n1", "panel");
    for (int i = 0; i < 5; ++i) {
        const std::string text = std::to_string(i);
        enter([&] {
            reports.event("n1", {.topic = "server_status_changed",
                                 .json = R"({"currentStatus":"running"})",
                                 .target = "server_1",
                                 .at = 5});
            reports.log("n1", {.level = "warn", .message = text, .source = "usb"});
        });
    }
    const json events = get("/api/agents/n1/events");
    ASSERT_EQ(events["events"].size(), 5U);
    EXPECT_EQ(events["events"][0]["seq"], 1);
    EXPECT_EQ(events["events"][0]["topic"], "server_status_changed");
    EXPECT_EQ(events["events"][0]["target"], "server_1");
    EXPECT_EQ(events["events"][0]["data"]["currentStatus"], "running");
    EXPECT_EQ(events["last_seq"], 5);
    const json logs = get("/api/agents/n1/logs", "after=2&limit=2");
    ASSERT_EQ(logs["logs"].size(), 2U);
    EXPECT_EQ(logs["logs"][0]["message"], "2");
    EXPECT_EQ(logs["logs"][0]["level"], "warn");
    EXPECT_EQ(logs["last_seq"], 4);
    EXPECT_EQ(get("/api/agents/n1/logs", "limit=1")["logs"][0]["message"], "4");
    EXPECT_EQ(get("/api/agents/n1/logs", "after=5")["logs"].size(), 0U);
    EXPECT_EQ(status(ask("GET", "/api/agents/n1/logs", {}, "after=-1")), 400);
}

TEST_F(ReportsTest, OutputOfACommandIsAnEvent)
{
    join("n1", "dashboard");
    enter([&] { reports.stream("n1", {.id = "c1", .channel = 2, .offset = 3, .bytes = "oh\n\xff"}); });
    const json event = get("/api/agents/n1/events")["events"][0];
    EXPECT_EQ(event["topic"], "output");
    EXPECT_EQ(event["data"]["stream"], "stderr");
    EXPECT_EQ(event["data"]["text"], "oh\n\xef\xbf\xbd");
}

TEST_F(ReportsTest, AHeartbeatOfAHundredPrintersIsKeptAndOneThatIsTooLargeLeavesIt)
{
    join("shop", "print");
    json devices = json::array();
    for (int i = 0; i < 100; ++i)
        devices.push_back({{"alias", "Printer " + std::to_string(i)}, {"reason", std::string(400, 'x')}});
    beat("shop", json{{"agent_status", "healthy"}, {"devices", devices}}.dump());
    EXPECT_EQ(get("/api/agents/shop/health")["facts"]["devices"], devices);
    const std::string large = json{{"devices", json::array()}, {"logs", std::string(128 << 10, 'x')}}.dump();
    for (int i = 0; i < 2; ++i) {
        pass(30s);
        beat("shop", large);
        const json health = get("/api/agents/shop/health");
        EXPECT_EQ(health["facts"]["devices"], devices);
        EXPECT_EQ(health["facts"]["dropped_bytes"], large.size());
        EXPECT_EQ(health["last_heartbeat"], utc) << "it was there";
    }
    pass(Reports::flush_every);
    EXPECT_EQ(json::parse(tables.reports.at({"shop", "heartbeat"}).json)["devices"], devices);
    beat("shop", R"({"devices":[]})");
    EXPECT_EQ(get("/api/agents/shop/health")["facts"], (json{{"devices", json::array()}}));
}

TEST_F(ReportsTest, LargeHeartbeatsShareABound)
{
    Reports small{
        core, tables, {.entry_bytes = 100, .agents = 3, .heartbeat_bytes = 1'000, .large_heartbeats = 900}};
    const auto facts = [](std::size_t bytes) { return R"({"x":")" + std::string(bytes - 8, 'x') + "\"}"; };
    const auto kept = [&](const std::string& agent, std::size_t bytes) {
        const std::string text = facts(bytes);
        small.heartbeat(agent, {.facts = text});
        return small.last_heartbeat(agent)->json == text;
    };
    EXPECT_TRUE(kept("a", 1'000));
    EXPECT_FALSE(kept("b", 101)) << "a has all of it";
    EXPECT_EQ(small.last_heartbeat("b")->json, R"({"dropped_bytes":101})");
    EXPECT_TRUE(kept("b", 100));
    EXPECT_FALSE(kept("a", 1'001));
    EXPECT_TRUE(kept("a", 500));
    EXPECT_TRUE(kept("b", 600));
    EXPECT_FALSE(kept("c", 101));
    small.forget("b");
    EXPECT_TRUE(kept("c", 600));
}

TEST_F(ReportsTest, EverythingIsBounded)
{
    Reports small{
        core, tables, {.samples = 3, .entries = 2, .entry_bytes = 100, .memory = 1'000, .agents = 2}};
    const std::string big = R"({"x":")" + std::string(200, 'x') + "\"}";
    for (int i = 0; i < 10; ++i) {
        small.metrics("a", {.json = R"({"n":)" + std::to_string(i) + "}"});
        small.log("a", {.level = "info", .message = std::to_string(i)});
        small.event("a", {.topic = "t", .json = big});
    }
    EXPECT_EQ(small.histories().after("a", Reports::Kind::metrics, 0, 100).size(), 3U);
    EXPECT_EQ(small.histories().after("a", Reports::Kind::logs, 0, 100).size(), 2U);
    EXPECT_EQ(small.histories().after("a", Reports::Kind::metrics, 0, 100).back()->json, R"({"n":9})");
    EXPECT_EQ(small.histories().after("a", Reports::Kind::events, 0, 100).back()->json,
              R"({"topic":"t","data":{"dropped_bytes":208}})");
    EXPECT_LE(small.histories().bytes(), 1'000U);

    // The memory is used up: a new agent gets no history, but its latest report is kept.
    for (int i = 0; i < 50; ++i) small.log("a", {.level = "info", .message = std::string(90, 'y')});
    for (int i = 0; i < 50; ++i) small.metrics("b", {.json = R"({"n":)" + std::to_string(i) + "}"});
    EXPECT_LE(small.histories().bytes(), 1'000U);
    EXPECT_EQ(small.last_metrics("b")->json, R"({"n":49})");
    EXPECT_EQ(small.agents(), 2U);

    // The agent offline for longest is removed; a connected one never is.
    small.heartbeat("c", {.facts = "{}"});
    EXPECT_EQ(small.last_heartbeat("c"), nullptr);
    small.lost("a");
    small.lost("b");
    small.ready("a");
    small.heartbeat("c", {.facts = "{}"});
    EXPECT_NE(small.last_heartbeat("c"), nullptr);
    EXPECT_EQ(small.last_metrics("b"), nullptr);
    EXPECT_NE(small.last_metrics("a"), nullptr);
    EXPECT_EQ(small.agents(), 2U);
}

TEST_F(ReportsTest, ReleasesTheMemoryOfRemovedAgents)
{
    Reports small{core, tables, {.memory = 10'000}};
    for (int i = 0; i < 20; ++i) small.log("a", {.level = "info", .message = "hello"});
    EXPECT_GT(small.histories().bytes(), 0U);
    small.forget("a");
    EXPECT_EQ(small.histories().bytes(), 0U);
    small.flush(); // a name that is gone is no trouble
}

TEST_F(ReportsTest, TheAgentsListDescribesEachAgent)
{
    join("n1", "signed");
    fanout.agents["n1"].capabilities = R"(["telemetry"])";
    fanout.agents["n1"].platform = "linux";
    join("n2", "panel");
    beat("n1", "{}");
    leave("n2");
    const json list = get("/api/agents")["agents"];
    ASSERT_EQ(list.size(), 2U);
    EXPECT_EQ(list[0]["status"], "online");
    EXPECT_EQ(list[0]["protocol"], "signed");
    EXPECT_EQ(list[0]["capabilities"], json::array({"telemetry"}));
    EXPECT_EQ(list[0]["platform"], "linux");
    EXPECT_EQ(list[0]["last_heartbeat"], utc);
    EXPECT_EQ(list[1]["status"], "offline");
    EXPECT_EQ(list[1]["capabilities"], json::array());
    EXPECT_TRUE(list[1]["last_heartbeat"].is_null());
    EXPECT_EQ(get("/api/agents", "protocol=panel")["agents"].size(), 1U);
    EXPECT_EQ(status(ask("GET", "/api/agents", {}, "protocol=telnet")), 400);
}

} // namespace
