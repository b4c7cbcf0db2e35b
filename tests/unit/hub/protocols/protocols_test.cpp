// The command API, shops' tasks, reports and the signed routes with the frames of the protocols and the
// shipped library.
#include "tests/unit/hub/agents_fixture.hpp"

#include "base/hash.hpp"
#include "base/uuid.hpp"

using namespace agenthost::hub_test;
namespace hub = agenthost::hub;
namespace base = agenthost::base;

namespace {

class ProtocolsTest : public AgentsTest {
protected:
    // --- print ---
    agh_conn shop(const std::string& id = "n1")
    {
        const agh_conn conn = print({{"x-shop-id", id},
                                     {"authorization", "Bearer secret-of-" + id},
                                     {"x-agent-version", "0.2.0"},
                                     {"user-agent", "agenthost/0.1.0"}});
        EXPECT_TRUE(upgraded(conn));
        host->listener.frame(conn, json{{"type", "register"},
                                        {"payload",
                                         {{"shopId", id},
                                          {"version", "0.2.0"},
                                          {"platform", "linux"},
                                          {"capabilities", {"usb", "remote-test"}}}}}
                                       .dump());
        EXPECT_EQ(sent(conn, 0)["type"], "ack");
        return conn;
    }
    std::string task(const json& body)
    {
        const auto made = answer(post("/api/agent-tasks", body, admin));
        EXPECT_EQ(made.status, 202) << made.text;
        return made.body.value("id", "");
    }
    json of(const std::string& id) { return answer(ask("GET", "/api/agent-tasks/" + id)).body; }
    void task_result(agh_conn conn, const std::string& id, const json& payload)
    {
        json all = payload;
        all["id"] = id;
        host->listener.frame(conn, json{{"type", "task_result"}, {"id", id}, {"payload", all}}.dump());
    }
    void beat(agh_conn conn, json payload)
    {
        payload["shopId"] = "n1";
        host->listener.frame(conn, json{{"type", "heartbeat"}, {"payload", payload}}.dump());
    }

    // --- panel ---
    agh_conn node(const std::string& id = "node-01")
    {
        const agh_conn conn = panel(id, token(id));
        EXPECT_TRUE(upgraded(conn));
        EXPECT_TRUE(agenthost::test::wait_for([&] { return status(id) == "online"; }));
        return conn;
    }
    void reply(agh_conn conn, const json& command, json answer)
    {
        answer["id"] = command["id"];
        answer["type"] = "response";
        answer["timestamp"] = "2025-01-23T10:01:01Z";
        host->listener.frame(conn, answer.dump());
    }

    // --- signed ---
    void say(agh_conn conn, const std::string& type, const std::string& payload)
    {
        const std::string ts = std::to_string(hub_now_ms());
        const std::string nonce = agenthost::base::random_uuid();
        const std::string body = R"({"type":")" + type + R"(","agentId":"n2","ts":)" + ts + R"(,"nonce":")" +
                                 nonce + R"(","payload":)" + payload + "}";
        const std::string mac = base::hex(agenthost::base::hmac_sha256("secret-of-n2", body));
        host->listener.frame(conn, body.substr(0, body.size() - 1) + R"(,"signature":")" + mac + "\"}");
    }
    static std::int64_t hub_now_ms()
    {
        using namespace std::chrono;
        return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
    }
    agh_conn signed_agent()
    {
        const agh_conn conn = host->listener.websocket("/agent");
        EXPECT_TRUE(upgraded(conn));
        say(conn, "auth", R"({"hostname":"test-server","version":"1.0.0"})");
        EXPECT_TRUE(agenthost::test::wait_for([&] { return status("n2") == "online"; }));
        return conn;
    }
};

TEST_F(ProtocolsTest, AShopPrintsAndAnswersUnderTheSameId)
{
    const agh_conn conn = shop();
    const std::string id = task({{"shopId", "n1"},
                                 {"command", "print"},
                                 {"payload",
                                  {{"printer", {{"vendorId", 4070}, {"productId", 33054}}},
                                   {"data", "G0A="},
                                   {"encoding", "base64"},
                                   {"reason", "remote-test"}}}});
    const json frame = sent(conn, 1);
    EXPECT_EQ(frame["type"], "task_print");
    EXPECT_EQ(frame["id"], id);
    EXPECT_EQ(frame["payload"]["id"], id);
    EXPECT_EQ(frame["payload"]["shopId"], "n1");
    EXPECT_EQ(frame["payload"]["data"], "G0A=");
    EXPECT_EQ(frame["payload"]["printer"]["productId"], 33054);
    EXPECT_EQ(of(id)["status"], "dispatched");
    task_result(conn, id, {{"status", "success"}, {"message", "Printed"}, {"meta", {{"bytesSent", 1234}}}});
    const json done = of(id);
    EXPECT_EQ(done["status"], "success");
    EXPECT_EQ(done["message"], "Printed");
    EXPECT_EQ(done["meta"]["bytesSent"], 1234);

    const std::string ping = task({{"shopId", "n1"}, {"command", "ping"}});
    EXPECT_EQ(sent(conn, 2)["type"], "task_ping");
    task_result(conn, ping, {{"status", "pong"}, {"message", "pong"}});
    EXPECT_EQ(of(ping)["status"], "success");
    EXPECT_EQ(of(ping)["message"], "pong");

    const std::string jam = task({{"shopId", "n1"}, {"command", "print"}});
    sent(conn, 3);
    task_result(conn, jam,
                {{"status", "error"}, {"message", "paper jam"}, {"meta", {{"outcome", "unknown"}}}});
    EXPECT_EQ(of(jam)["status"], "error");
    EXPECT_EQ(of(jam)["message"], "paper jam");
}

TEST_F(ProtocolsTest, AShopsTaskWaitsThroughADisconnectAndARestartOfTheHub)
{
    agh_conn conn = shop();
    const std::string id = task({{"shopId", "n1"}, {"command", "print"}, {"payload", {{"data", "G0A="}}}});
    const json first = sent(conn, 1);
    host->listener.closed(conn);
    EXPECT_EQ(of(id)["status"], "pending");
    reboot();
    EXPECT_EQ(of(id)["status"], "pending");
    conn = shop();
    EXPECT_EQ(sent(conn, 1), first) << "the same frame: same id, same payload";
    EXPECT_EQ(of(id)["sent"], 2);
    task_result(conn, id, {{"status", "success"}, {"message", "Printed"}});
    EXPECT_EQ(of(id)["status"], "success");
    reboot();
    EXPECT_EQ(of(id)["message"], "Printed");
}

TEST_F(ProtocolsTest, ALateShopTaskGetsAWarning)
{
    reboot({{"task_warning", "50ms"}});
    const agh_conn conn = shop();
    const std::string id = task({{"shopId", "n1"}, {"command", "ping"}});
    sent(conn, 1);
    EXPECT_TRUE(agenthost::test::wait_for([&] { return of(id)["warning"] == true; }));
    EXPECT_EQ(of(id)["status"], "dispatched");
    reboot({{"task_warning", "1h"}});
    EXPECT_EQ(of(id)["warning"], true) << "the mark is on disk";
}

TEST_F(ProtocolsTest, HeartbeatsAreKeptForOfflineShopsAndAcrossRestarts)
{
    const agh_conn conn = shop();
    beat(conn, {{"uptime", 1234}, {"devices", {{{"alias", "Kitchen"}, {"isDefault", true}}}}});
    const std::string id = task({{"shopId", "n1"}, {"command", "ping"}});
    task_result(conn, id, {{"status", "pong"}, {"message", "pong"}});
    const auto look = [&] { return answer(ask("GET", "/api/agent-heartbeat")).body["shops"]; };
    json shops = look();
    ASSERT_EQ(shops.size(), 1U);
    EXPECT_EQ(shops[0]["status"], "online");
    EXPECT_EQ(shops[0]["heartbeat"]["devices"][0]["alias"], "Kitchen") << shops;
    EXPECT_EQ(shops[0]["lastTask"]["id"], id);
    host->listener.closed(conn);
    EXPECT_EQ(look()[0]["status"], "offline");
    reboot();
    shops = look();
    ASSERT_EQ(shops.size(), 1U);
    EXPECT_EQ(shops[0]["heartbeat"]["devices"][0]["alias"], "Kitchen");
    EXPECT_EQ(shops[0]["lastTask"]["message"], "pong");
    const json agent = answer(ask("GET", "/api/agents/n1")).body;
    EXPECT_EQ(agent["protocol"], "print");
    EXPECT_EQ(agent["capabilities"], (json{"usb", "remote-test"}));
    EXPECT_EQ(agent["platform"], "linux");
    EXPECT_EQ(agent["last_heartbeat"], shops[0]["heartbeatAt"]);
}

TEST_F(ProtocolsTest, AConfigurationIsConfirmedByTheHeartbeat)
{
    const agh_conn conn = shop();
    const std::string id = task({{"shopId", "n1"},
                                 {"command", "config"},
                                 {"payload", {{"updates", {{"telemetry", {{"intervalSeconds", 10}}}}}}}});
    const json frame = sent(conn, 1);
    EXPECT_EQ(frame["type"], "task_config");
    EXPECT_EQ(frame["payload"]["updates"]["telemetry"]["intervalSeconds"], 10);
    task_result(conn, id, {{"status", "success"}, {"message", "ok"}});
    EXPECT_EQ(of(id)["status"], "success");
    EXPECT_FALSE(of(id).contains("confirmedAt"));
    beat(conn, {{"uptime", 1}, {"config_push_at", "2025-11-09T21:23:54.000Z"}});
    // The task's row is read for it.
    EXPECT_TRUE(wait_for([&] { return of(id).contains("confirmedAt"); })) << of(id);
}

TEST_F(ProtocolsTest, APanelStartsAServerByEitherName)
{
    const agh_conn conn = node();
    for (const json& body : {json{{"action", "docker.start_server"}, {"target", "server_123"}},
                             json{{"action", "start_server"}, {"serverId", "server_123"}}}) {
        const std::size_t n = host->listener.exchange(conn).sent.size();
        const agh_conn rest = command("node-01", body);
        const json frame = sent(conn, n);
        EXPECT_EQ(frame["type"], "command");
        EXPECT_EQ(frame["action"], "start_server");
        EXPECT_EQ(frame["serverId"], "server_123");
        EXPECT_EQ(frame["agentId"], "node-01");
        reply(conn, frame,
              {{"success", true}, {"data", {{"serverId", "server_123"}, {"status", "starting"}}}});
        EXPECT_EQ(answer(rest).status, 200);
        EXPECT_EQ(answer(rest).body["data"]["status"], "starting");
    }
    const std::size_t n = host->listener.exchange(conn).sent.size();
    const agh_conn rest = command("node-01", {{"action", "docker.stop_server"}, {"target", "server_9"}});
    reply(conn, sent(conn, n),
          {{"success", false},
           {"error",
            {{"code", "CONTAINER_NOT_FOUND"}, {"message", "Docker container for server_9 not found"}}}});
    EXPECT_EQ(answer(rest).status, 404);
    EXPECT_EQ(code(rest), "CONTAINER_NOT_FOUND");
    const agh_conn foreign = command("node-01", {{"action", "storage.info"}, {"timeout", 0}});
    EXPECT_EQ(answer(foreign).status, 202);
    EXPECT_EQ(sent(conn, n + 1)["action"], "storage.info") << "a name without a word goes as it is";
}

TEST_F(ProtocolsTest, APanelsPongsAndEventsAreKept)
{
    const agh_conn conn = node();
    host->listener.frame(
        conn,
        R"({"id":"h1","type":"pong","timestamp":"2025-01-23T10:09:01Z","data":{"agentStatus":"healthy",)"
        R"("activeServers":3,"systemLoad":{"cpu":25.5,"memory":65.2,"disk":40.1}}})");
    host->listener.frame(
        conn,
        R"({"type":"event","timestamp":"2025-01-23T10:05:00Z","event":"server_status_changed",)"
        R"("data":{"serverId":"server_123","previousStatus":"starting","currentStatus":"running","pid":1234}})");
    const json health = answer(ask("GET", "/api/agents/node-01/health")).body;
    EXPECT_EQ(health["health"], "healthy") << health;
    EXPECT_EQ(health["facts"]["active_servers"], 3);
    EXPECT_EQ(answer(ask("GET", "/api/agents/node-01/metrics")).body["latest"]["mem_percent"], 65.2);
    const json events = answer(ask("GET", "/api/agents/node-01/events")).body["events"];
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0]["target"], "server_123");
    EXPECT_EQ(events[0]["data"]["currentStatus"], "running");
}

// NOTES.md, panel: the first answer of a deployed agent is "processing".
TEST_F(ProtocolsTest, AnAnswerProcessingIsProgress)
{
    const agh_conn conn = panel("p1", token("p1"));
    ASSERT_TRUE(upgraded(conn));
    const agh_conn rest = command("p1", {{"action", "docker.start_server"}, {"target", "s1"}});
    const std::string id = sent(conn, 0)["id"];
    for (const json& begun :
         {json{{"status", "processing"}}, json{{"success", true}, {"data", {{"status", "processing"}}}}}) {
        json frame{{"id", id}, {"type", "response"}};
        frame.update(begun);
        host->listener.frame(conn, frame.dump());
    }
    EXPECT_EQ(answer(ask("GET", "/api/tasks/" + id)).body["status"], "running");
    host->listener.frame(
        conn,
        json{{"id", id}, {"type", "response"}, {"success", true}, {"data", {{"status", "running"}}}}.dump());
    EXPECT_EQ(answer(rest).status, 200);
    EXPECT_EQ(answer(rest).body["data"]["status"], "running");
}

TEST_F(ProtocolsTest, AnAgenthostMayAnswerProcessing)
{
    const agh_conn conn = panel("p1", token("p1"), {{"user-agent", "agenthost/0.1.0"}});
    ASSERT_TRUE(upgraded(conn));
    const agh_conn rest = command("p1", {{"action", "some.job"}});
    host->listener.frame(conn, json{{"id", sent(conn, 0)["id"]},
                                    {"type", "response"},
                                    {"success", true},
                                    {"data", {{"status", "processing"}}}}
                                   .dump());
    EXPECT_EQ(answer(rest).body["data"]["status"], "processing");
}

TEST_F(ProtocolsTest, OnlyAnAgenthostIsResentATask)
{
    const auto shop = [&](const json& more) {
        json headers{{"x-shop-id", "n1"}, {"authorization", "Bearer secret-of-n1"}};
        headers.update(more);
        const agh_conn conn = print(headers);
        EXPECT_TRUE(upgraded(conn));
        host->listener.frame(conn, R"({"type":"register","shopId":"n1","capabilities":[]})"); // flat
        EXPECT_EQ(sent(conn, 0)["type"], "ack");
        return conn;
    };
    const json ours{{"user-agent", "agenthost/0.1.0"}};
    const agh_conn first = shop(ours);
    command("n1", {{"action", "printer.print"}, {"timeout", 0}});
    const json wire = sent(first, 1);
    host->listener.closed(first);
    const agh_conn second = shop(ours);
    EXPECT_EQ(sent(second, 1), wire);
    host->listener.closed(second);
    const agh_conn foreign = shop(json::object());
    const auto made = answer(command("n1", {{"action", "host.ping"}, {"timeout", 0}})).body;
    EXPECT_EQ(sent(foreign, 1)["id"], made["id"]) << "the print is not sent to it";
}

TEST_F(ProtocolsTest, AFieldAgentWithConfigSyncGetsOnlyTheSettings)
{
    const agh_conn conn = print({{"x-shop-id", "n1"}, {"authorization", "Bearer secret-of-n1"}});
    host->listener.frame(conn,
                         R"({"type":"register","payload":{"shopId":"n1","capabilities":["config-sync"]}})");
    EXPECT_EQ(sent(conn, 0)["type"], "ack");
    const auto made = answer(post("/api/agent-tasks",
                                  {{"shopId", "n1"},
                                   {"command", "config"},
                                   {"payload", {{"updates", {{"charset", "cp437"}}}}}},
                                  admin))
                          .body;
    const json frame = sent(conn, 1);
    EXPECT_EQ(frame["type"], "task_config");
    EXPECT_EQ(frame["id"], made["id"]);
    EXPECT_EQ(frame["payload"], (json{{"charset", "cp437"}}));
}

TEST_F(ProtocolsTest, ASignedAgentIsListedCommandedAndMeasured)
{
    const agh_conn conn = signed_agent();
    const json list = answer(ask("GET", "/api/websocket/agents")).body["agents"];
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0]["agentId"], "n2");
    EXPECT_EQ(list[0]["hostname"], "test-server");

    const agh_conn rest =
        post("/api/websocket/agents/n2/command", {{"command", "ping"}, {"args", json::object()}}, admin);
    const json frame = sent(conn, 0);
    EXPECT_EQ(frame["type"], "command");
    EXPECT_EQ(frame["payload"]["command"], "ping");
    EXPECT_EQ(frame["payload"]["args"], json::object());
    const agh_conn second = command("n2", {{"action", "telemetry.version"}});
    EXPECT_EQ(host->listener.exchange(conn).sent.size(), 1U)
        << "one at a time: it has repeated no requestId yet";
    say(conn, "command_result", R"({"command":"ping","result":"pong"})");
    EXPECT_EQ(answer(rest).status, 200);
    EXPECT_EQ(answer(rest).body["result"], "pong");

    const json next = sent(conn, 1);
    EXPECT_EQ(next["payload"]["command"], "get_version");
    say(conn, "command_result",
        R"({"command":"get_version","result":"1.0.0","requestId":)" + next["payload"]["requestId"].dump() +
            "}");
    EXPECT_EQ(answer(second).body["data"], "1.0.0");
    command("n2", {{"action", "host.ping"}, {"timeout", 0}});
    command("n2", {{"action", "host.ping"}, {"timeout", 0}});
    EXPECT_EQ(sent(conn, 3)["payload"]["command"], "ping") << "now several at once";

    say(conn, "metrics",
        R"({"cpuPercent":12.5,"memPercent":40,"diskUsage":55,"networkIn":1200,"networkOut":900,"loadAverage":[0.5,0.4,0.3]})");
    say(conn, "log", R"({"level":"warn","message":"low disk","source":"df"})");
    const json latest = answer(ask("GET", "/api/agents/n2/metrics")).body["latest"];
    EXPECT_EQ(latest["cpu_percent"], 12.5);
    EXPECT_EQ(latest["network_in_bps"], 1200);
    EXPECT_EQ(latest["load_average"], (json{0.5, 0.4, 0.3}));
    const json logs = answer(ask("GET", "/api/agents/n2/logs")).body["logs"];
    ASSERT_EQ(logs.size(), 1U);
    EXPECT_EQ(logs[0]["message"], "low disk");
    EXPECT_EQ(logs[0]["source"], "df");
}

TEST_F(ProtocolsTest, ADashboardAgentRunsACommandAndItsOutputIsForwarded)
{
    const agh_conn conn = dashboard(token("d1"));
    ASSERT_TRUE(upgraded(conn));
    host->listener.frame(
        conn, R"({"version":"1.0.0","type":"agent:connect","payload":{"agentId":"d1","name":"desk",)"
              R"("version":"1","platform":"linux","capabilities":["terminal"]}})");
    EXPECT_EQ(sent(conn, 0)["type"], "connection:ack");
    const agh_conn rest = command("d1", {{"action", "terminal.run"}, {"params", {{"command", "uptime"}}}});
    const json frame = sent(conn, 1);
    EXPECT_EQ(frame["type"], "command:request");
    EXPECT_EQ(frame["payload"]["command"], "uptime");
    const std::string id = frame["payload"]["commandId"];
    const auto tell = [&](const std::string& type, const json& payload) {
        host->listener.frame(
            conn, json{{"version", "1.0.0"}, {"type", type}, {"timestamp", 1}, {"payload", payload}}.dump());
    };
    tell("command:status", {{"commandId", id}, {"status", "running"}});
    EXPECT_EQ(answer(ask("GET", "/api/tasks/" + id)).body["status"], "running");
    tell("terminal:output",
         {{"commandId", id}, {"data", "up 3 days\n"}, {"stream", "stdout"}, {"sequence", 1}});
    tell("command:status", {{"commandId", id}, {"status", "completed"}, {"exitCode", 0}});
    EXPECT_EQ(answer(rest).status, 200) << answer(rest).text;
    EXPECT_EQ(answer(rest).body["data"]["exit_code"], 0);
    const json events = answer(ask("GET", "/api/agents/d1/events")).body["events"];
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events[0]["data"]["text"], "up 3 days\n");
}

TEST_F(ProtocolsTest, FewMalformedFramesOfADashboardAgentAreAnswered)
{
    const agh_conn conn = dashboard(token("d1"));
    ASSERT_TRUE(upgraded(conn));
    host->listener.frame(conn, R"({"type":"agent:connect","payload":{"agentId":"d1"}})");
    EXPECT_EQ(sent(conn, 0)["type"], "connection:ack");
    for (int i = 0; i < 100; ++i) host->listener.frame(conn, "{");
    host->listener.frame(conn, R"({"type":"heartbeat","payload":{"sequence":7}})");
    for (std::size_t n = 1; n <= 7; ++n) { // the 1st, 2nd, 4th ... 64th
        const json error = sent(conn, n);
        EXPECT_EQ(error["type"], "error");
        EXPECT_EQ(error["payload"]["code"], "INVALID_MESSAGE");
        EXPECT_EQ(error["payload"]["recoverable"], true);
    }
    EXPECT_EQ(sent(conn, 8)["type"], "heartbeat");
}

TEST_F(ProtocolsTest, ADashboardConnectsWithAMintedTokenUntilItIsRevoked)
{
    const auto minted =
        json::parse(host->call("hub.token_new", R"({"role":"dashboard","label":"wall"})").json);
    const agh_conn conn =
        host->listener.websocket("/ws/dashboard", "{}", "token=" + minted["token"].get<std::string>());
    ASSERT_TRUE(upgraded(conn));
    EXPECT_EQ(sent(conn, 0)["type"], "connection:ack");
    EXPECT_EQ(sent(conn, 1)["payload"]["agents"], json::array());
    const agh_conn agent_conn = agent("n1");
    EXPECT_EQ(sent(conn, 2)["type"], "agent:status");
    EXPECT_EQ(sent(conn, 2)["payload"]["agentId"], "n1") << "agents of every protocol";
    EXPECT_TRUE(host->call("hub.token_revoke", json{{"id", minted["id"]}}.dump()).ok());
    EXPECT_EQ(close_code(conn), 1008);
    EXPECT_TRUE(unauthorized(
        host->listener.websocket("/ws/dashboard", "{}", "token=" + minted["token"].get<std::string>())));
    EXPECT_TRUE(unauthorized(host->listener.websocket("/ws/dashboard", "{}", "token=" + token("d1"))));
    EXPECT_TRUE(unauthorized(host->listener.websocket("/ws/dashboard")));
    (void)agent_conn;
}

} // namespace
