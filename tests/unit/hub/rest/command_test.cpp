#include "tests/unit/hub/fixture.hpp"

using namespace agenthost::hub_test;

namespace {

TEST_F(HubTest, SendsACommandAndReturnsItsResult)
{
    const agh_conn n1 = agent("n1");
    const agh_conn rest = command("n1", {{"action", "storage.info"}, {"params", {{"deep", true}}}});
    const json wire = sent(n1, 1);
    EXPECT_EQ(wire["action"], "info") << "the protocol's own word";
    EXPECT_EQ(wire["deep"], true);
    EXPECT_EQ(host->listener.exchange(rest).status, 0);
    respond(n1, wire, {{"status", "success"}, {"data", {{"files", 3}}}});
    const auto done = answer(rest);
    EXPECT_EQ(done.status, 200);
    EXPECT_EQ(done.body["status"], "success");
    EXPECT_EQ(done.body["data"]["files"], 3);
    EXPECT_EQ(done.body["id"], wire["request_id"]);
    const auto later = answer(ask("GET", "/api/tasks/" + done.body["id"].get<std::string>()));
    EXPECT_EQ(later.body["data"]["files"], 3);
}

TEST_F(HubTest, AcceptsTheProtocolsNamesAndUnknownActionsUnchanged)
{
    const agh_conn n1 = agent("n1");
    command("n1", {{"action", "info"}});
    EXPECT_EQ(sent(n1, 1)["action"], "info");
    command("n1", {{"action", "storage.list"}});
    EXPECT_EQ(sent(n1, 2)["action"], "list") << "the manifest's word";
    command("n1", {{"action", "docker.start_server"}});
    EXPECT_EQ(sent(n1, 3)["action"], "docker.start_server");
}

TEST_F(HubTest, AnAgentsErrorKeepsItsCode)
{
    const agh_conn n1 = agent("n1");
    const agh_conn rest = command("n1", {{"action", "delete"}, {"params", {{"file_id", "x"}}}});
    respond(n1, sent(n1, 1), {{"status", "error"}, {"message", "File not found"}});
    const auto done = answer(rest);
    EXPECT_EQ(done.status, 404);
    EXPECT_EQ(done.body["status"], "error");
    EXPECT_EQ(done.body["error"]["code"], "FILE_NOT_FOUND");
    EXPECT_EQ(done.body["error"]["message"], "File not found");
}

TEST_F(HubTest, DistinguishesUnknownFromOfflineAgents)
{
    EXPECT_EQ(answer(command("nobody", {{"action", "info"}})).status, 404);
    EXPECT_EQ(code(command("nobody", {{"action", "info"}})), "AGENT_NOT_FOUND");
    EXPECT_EQ(answer(command("n1", {{"action", "info"}})).status, 503);
    EXPECT_EQ(code(command("n1", {{"action", "info"}})), "AGENT_OFFLINE");
    EXPECT_EQ(code(ask("GET", "/api/agents/nobody/files/f")), "AGENT_NOT_FOUND");
    EXPECT_EQ(code(ask("DELETE", "/api/agents/n1/files/f")), "AGENT_OFFLINE");
}

TEST_F(HubTest, RefusesMalformedCommands)
{
    const agh_conn n1 = agent("n1");
    for (const char* body :
         {R"({})", R"({"action":5})", R"({"action":""})", R"({"action":"x","params":[]})",
          R"({"action":"x","timeout":-1})", R"({"action":"x","timeout":"1"})",
          R"({"action":"x","timeout":1e9})", R"({"action":"x","parms":{}})",
          R"({"action":"x","params":{"action":"y"}})", R"({"action":"x","params":{"request_id":"y"}})",
          R"({"action":"auth"})", R"([])", R"({"action":"x")", "\xff"}) {
        const agh_conn conn = ask("POST", "/api/agents/n1/commands", {}, R"("length":9)");
        ASSERT_TRUE(host->listener.wait(conn, [](auto& e) { return e.receiving; }));
        host->listener.body(conn, body);
        EXPECT_EQ(answer(conn).status, 400) << body;
        EXPECT_EQ(code(conn), "INVALID_REQUEST") << body;
    }
    EXPECT_EQ(answer(ask("POST", "/api/agents/n1/commands")).status, 400) << "no body";
    EXPECT_EQ(answer(ask("POST", "/api/agents/n1/commands", {}, R"("length":600000)")).status, 413);
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 1U) << "the agent has heard of none";
}

TEST_F(HubTest, AnswersAcceptedWhenTheResultIsLate)
{
    const agh_conn n1 = agent("n1");
    for (const double timeout : {0.0, 0.05}) {
        const agh_conn rest = command("n1", {{"action", "info"}, {"timeout", timeout}});
        const auto accepted = answer(rest);
        EXPECT_EQ(accepted.status, 202);
        EXPECT_EQ(accepted.body["status"], "dispatched");
        const std::string url = accepted.headers["location"];
        EXPECT_EQ(answer(ask("GET", url)).body["status"], "dispatched");
        respond(n1, {{"request_id", accepted.body["id"]}}, {{"status", "success"}});
        EXPECT_EQ(answer(ask("GET", url)).body["status"], "success");
    }
    EXPECT_EQ(code(ask("GET", "/api/tasks/req_unknown")), "TASK_NOT_FOUND");
}

TEST_F(HubTest, ADisconnectingCallerDoesNotStopTheTask)
{
    const agh_conn n1 = agent("n1");
    const agh_conn rest = command("n1", {{"action", "info"}});
    const json wire = sent(n1, 1);
    host->listener.closed(rest, 0);
    respond(n1, wire, {{"status", "success"}, {"data", 7}});
    EXPECT_EQ(answer(ask("GET", "/api/tasks/" + wire["request_id"].get<std::string>())).body["data"], 7);
}

TEST_F(HubTest, ResendsAfterALossButNotForever)
{
    std::string id;
    agh_conn rest = 0;
    for (int i = 0; i < 4; ++i) {
        const agh_conn n1 = agent("n1");
        if (i == 0) rest = command("n1", {{"action", "info"}});
        const json wire = sent(n1, 1);
        if (i == 0) id = wire["request_id"];
        EXPECT_EQ(wire["request_id"], id);
        host->listener.closed(n1);
        EXPECT_EQ(host->listener.exchange(rest).status, 0);
    }
    const agh_conn n1 = agent("n1");
    EXPECT_EQ(answer(rest).status, 503);
    EXPECT_EQ(answer(rest).body["status"], "failed");
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 1U);
}

TEST_F(HubTest, AnUnansweredTaskFailsInTime)
{
    boot({{"task_ttl", "50ms"}});
    agent("n1");
    const auto done = answer(command("n1", {{"action", "info"}, {"timeout", 20}}));
    EXPECT_EQ(done.status, 504);
    EXPECT_EQ(done.body["status"], "failed");
    EXPECT_EQ(done.body["error"]["code"], "TIMEOUT");
}

TEST_F(HubTest, KeepsCommandsForASlowAgentAndSendsThemLater)
{
    const agh_conn n1 = agent("n1");
    host->listener.send_budget(0);
    const agh_conn rest = command("n1", {{"action", "info"}});
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 1U);
    host->listener.send_budget(100'000);
    host->listener.writable(n1);
    respond(n1, sent(n1, 1), {{"status", "success"}});
    EXPECT_EQ(answer(rest).body["sent"], 1) << "what was not taken does not count";
}

TEST_F(HubTest, BoundsTheOpenTasksOfOneAgent)
{
    boot({{"agent_queue", 3}, {"in_flight", 2}});
    const agh_conn n1 = agent("n1");
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(answer(command("n1", {{"action", "info"}, {"timeout", 0}})).status, 202);
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 3U) << "two in flight";
    const auto refused = answer(command("n1", {{"action", "info"}}));
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.body["error"]["code"], "BUSY");
    respond(n1, sent(n1, 1), {{"status", "success"}});
    EXPECT_EQ(sent(n1, 3)["action"], "info");
}

TEST_F(HubTest, OpenTasksSurviveARestart)
{
    agent("n1");
    const std::string id = answer(command("n1", {{"action", "info"}, {"timeout", 0}})).body["id"];
    boot();
    EXPECT_EQ(answer(ask("GET", "/api/tasks/" + id)).body["status"], "pending");
    const agh_conn n1 = agent("n1");
    EXPECT_EQ(sent(n1, 1)["request_id"], id);
    respond(n1, sent(n1, 1), {{"status", "success"}, {"data", 1}});
    EXPECT_EQ(answer(ask("GET", "/api/tasks/" + id)).body["data"], 1);
}

TEST_F(HubTest, ManyCallersAndAgentsAtOnceEachGetTheirOwnAnswer)
{
    std::vector<agh_conn> agents{agent("n1"), agent("n2")};
    std::atomic<int> right{0};
    std::atomic<bool> over{false};
    std::vector<std::thread> threads;
    for (std::size_t a = 0; a < agents.size(); ++a) {
        threads.emplace_back([&, a] { // an agent that answers what it is asked
            for (std::size_t seen = 1; !over;) {
                const auto frames = host->listener.exchange(agents[a]).sent;
                for (; seen < frames.size(); ++seen) {
                    const json wire = json::parse(frames[seen].bytes);
                    respond(agents[a], wire, {{"status", "success"}, {"data", {{"n", wire["n"]}}}});
                }
                std::this_thread::yield();
            }
        });
    }
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 25; ++i) {
                const int n = t * 100 + i;
                const auto done =
                    answer(command(t % 2 == 0 ? "n1" : "n2", {{"action", "echo"}, {"params", {{"n", n}}}}));
                if (done.status == 200 && done.body["data"]["n"] == n) ++right;
            }
        });
    }
    for (std::size_t i = agents.size(); i < threads.size(); ++i) threads[i].join();
    over = true;
    for (std::size_t i = 0; i < agents.size(); ++i) threads[i].join();
    EXPECT_EQ(right, 100);
}

} // namespace
