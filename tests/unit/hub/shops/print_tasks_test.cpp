// Tasks for print's shops with tables in memory: pending, warned, resent, confirmed, and listed with the
// heartbeats.
#include "tests/unit/hub/parts.hpp"

using namespace agenthost::hub_test;
using namespace std::chrono_literals;
using agenthost::wire::Outcome;
using ::testing::HasSubstr;

namespace {

class ShopTest : public PartsTest {
protected:
    std::string task(const std::string& command, const std::string& payload = "{}")
    {
        const Conn conn =
            ask("POST", "/api/agent-tasks",
                R"({"shopId":"kitchen","command":")" + command + R"(","payload":)" + payload + "}");
        EXPECT_EQ(status(conn), 202) << body(conn);
        return body(conn).value("id", "");
    }
    json of(const std::string& id) { return get("/api/agent-tasks/" + id); }
    static TaskRecord task_of_an_earlier_process()
    {
        TaskRecord task;
        task.id = "req_old";
        task.agent = "kitchen";
        task.action = "printer.print";
        task.params = "{}";
        task.shop = true;
        return task;
    }
};

TEST_F(ShopTest, FramesCarryTheCallersTaskId)
{
    join("kitchen", "print");
    const std::string id =
        task("print", R"({"printer":{"vendorId":4070},"data":"G0A=","encoding":"base64","id":"mine"})");
    ASSERT_EQ(fanout.sent.size(), 1U);
    EXPECT_EQ(fanout.sent[0].id, id);
    EXPECT_EQ(fanout.sent[0].action, "task_print");
    EXPECT_EQ(json::parse(fanout.sent[0].params),
              (json{{"printer", {{"vendorId", 4070}}}, {"data", "G0A="}, {"encoding", "base64"}}))
        << "the protocol writes the id itself";
    EXPECT_EQ(of(id)["status"], "dispatched");
    result("kitchen", {.id = id, .data = R"({"message":"Printed","bytesSent":2})"});
    const json done = of(id);
    EXPECT_EQ(done["status"], "success");
    EXPECT_EQ(done["shopId"], "kitchen");
    EXPECT_EQ(done["command"], "print");
    EXPECT_EQ(done["message"], "Printed");
    EXPECT_EQ(done["meta"], (json{{"bytesSent", 2}}));
    EXPECT_EQ(done["warning"], false);
}

TEST_F(ShopTest, AnErrorKeepsItsMessageAndMeta)
{
    join("kitchen", "print");
    const std::string id = task("print");
    result("kitchen", {.id = id,
                       .outcome = Outcome::unknown,
                       .error = {.code = "INTERNAL", .message = "paper jam", .data = R"({"bytesSent":9})"}});
    const json failed = of(id);
    EXPECT_EQ(failed["meta"]["bytesSent"], 9);
    EXPECT_EQ(failed["status"], "error");
    EXPECT_EQ(failed["message"], "paper jam");
    EXPECT_EQ(failed["meta"]["outcome"], "unknown") << "the codec has taken it out of the data";
    EXPECT_EQ(failed["outcome"], "unknown");
    EXPECT_EQ(failed["error"]["code"], "INTERNAL");
}

TEST_F(ShopTest, WaitsForAnOfflineShop)
{
    join("kitchen", "print");
    leave("kitchen");
    const std::string id = task("ping");
    EXPECT_EQ(of(id)["status"], "pending");
    EXPECT_TRUE(fanout.sent.empty());
    pass(1h); // no caller waits: it is not given up when the grace is over
    EXPECT_EQ(of(id)["status"], "pending");
    join("kitchen", "print");
    ASSERT_EQ(fanout.sent.size(), 1U);
    EXPECT_EQ(fanout.sent[0].id, id);
    EXPECT_EQ(fanout.sent[0].action, "host.ping");
}

TEST_F(ShopTest, IsSentAgainThreeTimesAndThenFails)
{
    join("kitchen", "print");
    const std::string id = task("print");
    for (int i = 0; i < 3; ++i) {
        leave("kitchen");
        EXPECT_EQ(of(id)["status"], "pending") << i;
        join("kitchen", "print");
        EXPECT_EQ(of(id)["status"], "dispatched") << i;
    }
    EXPECT_EQ(fanout.sent.size(), 4U) << "once, and three times again";
    leave("kitchen");
    join("kitchen", "print");
    EXPECT_EQ(fanout.sent.size(), 4U);
    EXPECT_EQ(of(id)["status"], "failed");
    EXPECT_EQ(of(id)["sent"], 4);
}

// An agent without a journal printed twice when its session was lost while it printed.
TEST_F(ShopTest, IsNeverResentToAnAgentWithoutAJournal)
{
    join("kitchen", "print", 0);
    const std::string id = task("print"), second = task("print");
    EXPECT_EQ(tables.tasks.at(id).sent, 1) << "also when the hub dies before the agent leaves";
    leave("kitchen");
    EXPECT_EQ(of(id)["status"], "dispatched");
    join("kitchen", "print", 0);
    EXPECT_EQ(fanout.sent.size(), 2U) << "neither of them again";
    result("kitchen", {.id = second, .data = R"({"message":"Printed"})"});
    EXPECT_EQ(of(second)["status"], "success") << "an answer that comes later counts";
    pass(core.config.agent_grace);
    const json ended = of(id);
    EXPECT_EQ(ended["status"], "error");
    EXPECT_EQ(ended["error"]["code"], "INTERRUPTED");
    EXPECT_EQ(ended["meta"]["outcome"], "unknown") << "a person decides";
    const std::string next = task("print");
    EXPECT_EQ(fanout.sent.size(), 3U);
    EXPECT_EQ(fanout.sent[2].id, next);
    EXPECT_EQ(commands.open("kitchen"), 1U);
}

TEST_F(ShopTest, ATaskOfAnEarlierProcessIsNotSentToAnAgentWithoutAJournal)
{
    TaskRecord old = task_of_an_earlier_process();
    old.sent = 1;
    old.created = utc - 1'000;
    old.expires = utc + 3'600'000;
    TaskRecord fresh = old;
    fresh.id = "req_fresh";
    fresh.sent = 0;
    enter([&] { commands.restore({old, fresh}); });
    join("kitchen", "print", 0);
    ASSERT_EQ(fanout.sent.size(), 1U);
    EXPECT_EQ(fanout.sent[0].id, "req_fresh");
    pass(core.config.agent_grace);
    EXPECT_EQ(of("req_old")["meta"]["outcome"], "unknown");
}

TEST_F(ShopTest, KeepsTheWarningThatItWasLate)
{
    join("kitchen", "print");
    const std::string id = task("print");
    pass(29s);
    EXPECT_EQ(of(id)["warning"], false);
    pass(1s);
    EXPECT_EQ(of(id)["warning"], true);
    EXPECT_EQ(of(id)["warnedAt"], utc);
    EXPECT_EQ(of(id)["status"], "dispatched") << "a mark, not an end";
    EXPECT_THAT(daemon.logged.back(), HasSubstr(id));
    EXPECT_EQ(tables.tasks.at(id).warned, utc) << "and it is on disk";
    result("kitchen", {.id = id, .data = "{}"});
    EXPECT_EQ(of(id)["status"], "success");
    EXPECT_EQ(of(id)["warning"], true);
}

TEST_F(ShopTest, ATaskOfAnEarlierProcessGetsItsWarningAndIsSent)
{
    TaskRecord old = task_of_an_earlier_process();
    old.created = utc - 60'000;
    old.expires = utc + 60'000;
    enter([&] { commands.restore({old}); });
    pass(0s);
    EXPECT_NE(commands.find("req_old")->warned, 0);
    join("kitchen", "print");
    ASSERT_EQ(fanout.sent.size(), 1U);
    result("kitchen", {.id = "req_old", .data = R"({"message":"Printed"})"});
    EXPECT_EQ(of("req_old")["message"], "Printed");
    EXPECT_EQ(get("/api/agent-heartbeat")["shops"][0]["lastTask"]["id"], "req_old")
        << "nobody waited for it, and yet it is the shop's last result";
}

TEST_F(ShopTest, TheHeartbeatListHasEveryShopWithItsLastResult)
{
    join("kitchen", "print");
    join("bar", "print");
    join("games", "panel");
    beat("kitchen", R"({"devices":[{"alias":"Kitchen"}],"uptime":5})");
    const std::string id = task("ping");
    result("kitchen", {.id = id, .data = R"({"message":"pong"})"});
    leave("kitchen");
    const json shops = get("/api/agent-heartbeat")["shops"];
    ASSERT_EQ(shops.size(), 2U) << shops << " (a panel agent is no shop)";
    EXPECT_EQ(shops[0]["shopId"], "bar");
    EXPECT_EQ(shops[0]["status"], "online");
    EXPECT_TRUE(shops[0]["heartbeat"].is_null());
    EXPECT_TRUE(shops[0]["lastTask"].is_null());
    EXPECT_EQ(shops[1]["status"], "offline") << "connected or not";
    EXPECT_EQ(shops[1]["heartbeat"]["devices"][0]["alias"], "Kitchen");
    EXPECT_EQ(shops[1]["heartbeatAt"], utc);
    EXPECT_EQ(shops[1]["lastTask"]["id"], id);
    EXPECT_EQ(shops[1]["lastTask"]["message"], "pong");
    const json page = get("/api/agent-heartbeat", "limit=1");
    EXPECT_EQ(page["next"], "bar");
    EXPECT_EQ(get("/api/agent-heartbeat", "limit=1&after=bar")["shops"][0]["shopId"], "kitchen");
    EXPECT_EQ(get("/api/agent-heartbeat", "shopId=bar")["shops"].size(), 1U);
    EXPECT_EQ(status(ask("GET", "/api/agent-heartbeat", {}, "shopId=nobody")), 404);
}

TEST_F(ShopTest, AConfigurationIsConfirmedByTheNextChangedHeartbeat)
{
    join("kitchen", "print");
    beat("kitchen", R"({"config_push_at":"2025-01-01T00:00:00Z"})");
    const std::string id = task("config", R"({"updates":{"telemetry":{"intervalSeconds":10}}})");
    EXPECT_EQ(json::parse(fanout.sent[0].params)["updates"]["telemetry"]["intervalSeconds"], 10);
    beat("kitchen", R"({"config_push_at":"2025-01-02T00:00:00Z"})"); // before it answered: of something else
    result("kitchen", {.id = id, .data = R"({"message":"ok"})"});
    EXPECT_FALSE(of(id).contains("confirmedAt"));
    beat("kitchen", R"({"config_push_at":"2025-01-02T00:00:00Z"})");
    EXPECT_FALSE(of(id).contains("confirmedAt")) << "told before already";
    beat("kitchen", R"({"uptime":1})");
    EXPECT_FALSE(of(id).contains("confirmedAt"));
    pass(5s);
    beat("kitchen", R"({"config_push_at":"2025-01-03T00:00:00Z"})");
    EXPECT_EQ(of(id)["confirmedAt"], utc);
    EXPECT_EQ(get("/api/agent-heartbeat")["shops"][0]["lastTask"]["confirmedAt"], utc);
}

TEST_F(ShopTest, ARestartBetweenAnswerAndHeartbeatStillConfirms)
{
    TaskRecord config;
    config.id = "req_c";
    config.agent = "kitchen";
    config.action = "task_config";
    config.state = TaskState::success;
    config.shop = true;
    config.confirmed = -1;
    tables.tasks["req_c"] = config;
    tables.reports[{"kitchen", "heartbeat"}] = {"kitchen", "heartbeat", 1, R"({"config_push_at":"old"})"};
    enter([&] { print.restore({config}); });
    later.run();
    join("kitchen", "print");
    beat("kitchen", R"({"config_push_at":"old"})");
    EXPECT_FALSE(of("req_c").contains("confirmedAt"));
    beat("kitchen", R"({"config_push_at":"new"})");
    EXPECT_TRUE(of("req_c").contains("confirmedAt"));
}

TEST_F(ShopTest, AConfigurationIsConfirmedLaterIfTheDatabaseFailsMeanwhile)
{
    join("kitchen", "print");
    const std::string id = task("config", R"({"updates":{}})");
    result("kitchen", {.id = id});
    tables.unreadable = true;
    beat("kitchen", R"({"config_push_at":"2025-01-02T00:00:00Z"})");
    tables.unreadable = false;
    EXPECT_FALSE(of(id).contains("confirmedAt"));
    beat("kitchen", R"({"config_push_at":"2025-01-02T00:00:00Z"})");
    EXPECT_TRUE(of(id).contains("confirmedAt"));
}

TEST_F(ShopTest, ALongConfigPushAtIsComparedByItsHash)
{
    join("kitchen", "print");
    const std::string old = R"({"config_push_at":")" + std::string(100'000, 'a') + "\"}",
                      same = R"({"uptime":7,"config_push_at":")" + std::string(100'000, 'a') + "\"}",
                      other = R"({"config_push_at":")" + std::string(99'999, 'a') + "b\"}";
    beat("kitchen", old);
    const std::string id = task("config", R"({"updates":{}})");
    result("kitchen", {.id = id});
    beat("kitchen", same);
    EXPECT_FALSE(of(id).contains("confirmedAt"));
    beat("kitchen", other);
    EXPECT_TRUE(of(id).contains("confirmedAt"));
}

TEST_F(ShopTest, RejectsInvalidTasks)
{
    join("kitchen", "print");
    for (const char* text :
         {R"([])", R"({"command":"ping"})", R"({"shopId":"kitchen"})",
          R"({"shopId":"kitchen","command":"burn"})", R"({"shopId":"kitchen","command":7})",
          R"({"shopId":"","command":"ping"})", R"({"shopId":"kitchen","command":"print","payload":[]})",
          R"({"shopId":"kitchen","command":)"}) {
        const Conn conn = ask("POST", "/api/agent-tasks", text);
        EXPECT_EQ(status(conn), 400) << text;
        EXPECT_EQ(body(conn)["error"]["code"], "INVALID_REQUEST");
    }
    EXPECT_TRUE(fanout.sent.empty());
    EXPECT_EQ(status(ask("POST", "/api/agent-tasks", R"({"shopId":"nobody","command":"ping"})")), 404);
    EXPECT_EQ(status(ask("GET", "/api/agent-tasks/req_none")), 404);
    const Conn other = ask("POST", "/api/agents/kitchen/commands", R"({"action":"host.ping","timeout":0})");
    EXPECT_EQ(status(ask("GET", "/api/agent-tasks/" + body(other)["id"].get<std::string>())), 404)
        << "a command is no shop's task";
}

TEST_F(ShopTest, AFullTableIsReportedAndNothingIsSent)
{
    join("kitchen", "print");
    tables.full = true;
    EXPECT_EQ(status(ask("POST", "/api/agent-tasks", R"({"shopId":"kitchen","command":"ping"})")), 503);
    EXPECT_TRUE(fanout.sent.empty());
    EXPECT_EQ(commands.open(), 0U);
}

} // namespace
