// What an action on a server leads to, for callers who wait for it.
#include "servers_fixture.hpp"

#include "plugins/hub/servers/outcomes.hpp"

using namespace agenthost::hub_test;

namespace {

TEST(ServerOutcome, IsJudgedByTheStatesThatTheAgentReports)
{
    const ServerFault none, denied{"DOCKER_ERROR", "denied"}, late{"TIMEOUT", "was killed"};
    struct {
        ServerAim aim;
        const char* status;
        ServerFault fault;
        bool began;
        OutcomeKind kind;
    } const table[] = {
        {ServerAim::running, "starting", none, false, OutcomeKind::pending},
        {ServerAim::running, "stopping", none, false, OutcomeKind::pending},
        {ServerAim::running, "running", none, false, OutcomeKind::reached},
        {ServerAim::running, "running", denied, false, OutcomeKind::failed}, // the pull of a restart
        {ServerAim::running, "offline", denied, false, OutcomeKind::failed},
        {ServerAim::running, "offline", none, false, OutcomeKind::failed}, // killed, for example
        {ServerAim::running, "crashed", none, false, OutcomeKind::failed},
        {ServerAim::running, "stuck", none, false, OutcomeKind::failed},
        {ServerAim::ended, "stopping", none, true, OutcomeKind::pending},
        {ServerAim::ended, "offline", none, true, OutcomeKind::reached},
        {ServerAim::ended, "offline", late, true, OutcomeKind::reached},
        {ServerAim::ended, "starting", none, false, OutcomeKind::pending}, // the start before it
        {ServerAim::ended, "starting", none, true, OutcomeKind::reached},  // the start after it
        {ServerAim::ended, "stuck", denied, true, OutcomeKind::failed},
        {ServerAim::installed, "installing", none, false, OutcomeKind::pending},
        {ServerAim::installed, "offline", none, false, OutcomeKind::reached},
        {ServerAim::installed, "offline", denied, false, OutcomeKind::failed},
        {ServerAim::installed, "install_failed", denied, false, OutcomeKind::failed},
        {ServerAim::installed_and_running, "offline", none, false, OutcomeKind::pending},
        {ServerAim::installed_and_running, "running", none, false, OutcomeKind::reached},
        {ServerAim::installed_and_running, "offline", denied, false, OutcomeKind::failed},
    };
    for (const auto& row : table) {
        const ServerOutcome outcome = judge(row.aim, row.status, row.fault, row.began);
        EXPECT_EQ(outcome.kind, row.kind) << static_cast<int>(row.aim) << " " << row.status;
        EXPECT_TRUE(outcome.kind != OutcomeKind::failed || !outcome.fault.code.empty());
    }
    EXPECT_EQ(judge(ServerAim::ended, "offline", late, true).fault.code, "TIMEOUT");
}

class Outcomes : public ServersTest {
protected:
    void SetUp() override
    {
        ServersTest::SetUp();
        node("n1", json::object(), json::array({{{"serverId", "mc1"}, {"status", "offline"}}}));
    }
    Conn power(const std::string& action, const std::string& query = "wait=60")
    {
        return ask("POST", std::string{one} + "/power", R"({"action":")" + action + R"("})", query);
    }
    void changes(const std::string& from, const std::string& to, const json& error = nullptr)
    {
        json data{{"serverId", "mc1"}, {"previousStatus", from}, {"currentStatus", to}};
        if (!error.is_null()) data["error"] = error;
        event("n1", "mc1", "server_status_changed", data);
    }
    // The agent is asked for its list, and reports this.
    void lists(const std::string& status)
    {
        const std::size_t sent = fanout.sent.size();
        pass(61s);
        ASSERT_GT(fanout.sent.size(), sent);
        const auto asked = last();
        ASSERT_EQ(asked.action, "docker.list_servers");
        answer_request("n1", asked.id,
                       {{"servers", json::array({{{"serverId", "mc1"}, {"status", status}}})}});
    }
};

TEST_F(Outcomes, AnAnswerWithoutAWaitIsTheAgents)
{
    const Conn conn = power("start", "");
    succeed({{"serverId", "mc1"}, {"status", "starting"}});
    EXPECT_EQ(body(conn), (json{{"serverId", "mc1"}, {"status", "starting"}}));
    EXPECT_EQ(outcomes.waits(), 0u);
}

TEST_F(Outcomes, AStartIsAnsweredWhenTheServerRuns)
{
    const Conn conn = power("start");
    succeed({{"serverId", "mc1"}, {"status", "starting"}});
    changes("offline", "starting");
    EXPECT_FALSE(answered(conn));
    changes("starting", "running");
    ASSERT_EQ(status(conn), 200);
    EXPECT_EQ(body(conn),
              (json{{"agent", "n1"}, {"serverId", "mc1"}, {"status", "running"}, {"reached", true}}));
    EXPECT_EQ(outcomes.waits(), 0u);
    // One that runs already is not waited for.
    const Conn again = power("start");
    succeed({{"serverId", "mc1"}, {"status", "running"}});
    EXPECT_EQ(status(again), 200);
}

TEST_F(Outcomes, EventsMayOvertakeTheAnswer)
{
    const Conn conn = power("start");
    pass(5ms);
    changes("offline", "starting");
    changes("starting", "running");
    EXPECT_FALSE(answered(conn));
    succeed({{"serverId", "mc1"}, {"status", "starting"}});
    EXPECT_EQ(status(conn), 200);
    EXPECT_EQ(body(ask("GET", "/api/servers"))["servers"][0]["status"], "running")
        << "an old answer does not replace what is newer";
}

TEST_F(Outcomes, AFailureHasTheAgentsCodeAndTheState)
{
    const Conn conn = power("start");
    succeed({{"serverId", "mc1"}, {"status", "starting"}});
    changes("offline", "starting");
    changes("starting", "offline", {{"code", "PORT_CONFLICT"}, {"message", "port 80 is used by nginx"}});
    EXPECT_EQ(status(conn), 409);
    EXPECT_EQ(body(conn)["error"]["code"], "PORT_CONFLICT");
    EXPECT_EQ(body(conn)["error"]["remedy"], std::string{remedy_of("PORT_CONFLICT")});
    EXPECT_EQ(body(conn)["status"], "offline");
}

TEST_F(Outcomes, AStopThatNeededSigkillSaysSo)
{
    changes("offline", "running");
    const Conn conn = power("stop");
    succeed({{"serverId", "mc1"}, {"status", "stopping"}});
    changes("running", "stopping");
    changes("stopping", "offline", {{"code", "TIMEOUT"}, {"message", "was killed"}});
    EXPECT_EQ(status(conn), 200);
    EXPECT_EQ(body(conn)["error"]["code"], "TIMEOUT");
}

TEST_F(Outcomes, AWaitEndsWithItsTimeAndWithTheServer)
{
    const Conn late = power("start", "wait=2");
    succeed({{"serverId", "mc1"}, {"status", "starting"}});
    pass(3s);
    EXPECT_EQ(status(late), 202);
    EXPECT_EQ(body(late)["status"], "starting");
    EXPECT_EQ(body(late)["reached"], false);
    const Conn gone = power("start");
    succeed({{"serverId", "mc1"}, {"status", "starting"}});
    event("n1", "mc1", "server_deleted", {{"serverId", "mc1"}});
    EXPECT_EQ(status(gone), 404);
    EXPECT_EQ(status(power("start", "wait=long")), 400);
}

TEST_F(Outcomes, APlacedServerIsAnsweredWithItsPlaceAndItsState)
{
    const Conn conn = ask("POST", "/api/servers", egg("mc2").dump(), "wait=60");
    succeed({{"serverId", "mc2"}, {"status", "installing"}});
    EXPECT_FALSE(answered(conn));
    event("n1", "mc2", "server_status_changed",
          {{"serverId", "mc2"}, {"previousStatus", "installing"}, {"currentStatus", "offline"}});
    ASSERT_EQ(status(conn), 200);
    EXPECT_EQ(body(conn)["agent"], "n1");
    EXPECT_EQ(body(conn)["status"], "offline");
    EXPECT_TRUE(body(conn).contains("why"));
}

TEST_F(Outcomes, AServerThatTheEngineLeavesStuckIsNotCalledCancelled)
{
    const Conn conn = power("start");
    succeed({{"serverId", "mc1"}, {"status", "stuck"}}); // before the event that says why
    EXPECT_EQ(status(conn), 502);
    EXPECT_EQ(body(conn)["error"]["code"], "DOCKER_ERROR");
    EXPECT_EQ(body(conn)["status"], "stuck");
}

TEST_F(Outcomes, AStopThatWaitsForARestartHasNotBegunWithIt)
{
    changes("offline", "running");
    changes("running", "stopping"); // a restart
    pass(5ms);
    const Conn conn = power("stop", "wait=600");
    succeed({{"serverId", "mc1"}, {"status", "stopping"}}); // it waits
    lists("stopping");
    changes("stopping", "starting");
    EXPECT_FALSE(answered(conn));
    changes("starting", "stopping");
    changes("stopping", "offline");
    EXPECT_EQ(status(conn), 200);
    EXPECT_EQ(body(conn)["status"], "offline");
}

TEST_F(Outcomes, AnErrorEndsWhenTheListSaysThatTheServerRunsAgain)
{
    changes("running", "crashed", {{"code", "CRASHED"}, {"message", "exit code 1"}});
    lists("running"); // the events between were lost
    const Conn conn = power("restart", "wait=600");
    succeed({{"serverId", "mc1"}, {"status", "stopping"}});
    lists("running");
    EXPECT_EQ(status(conn), 200);
    EXPECT_EQ(body(conn)["reached"], true);
}

TEST_F(Outcomes, AHubThatStopsAnswersWithWhatIsKnown)
{
    const Conn conn = power("start");
    succeed({{"serverId", "mc1"}, {"status", "starting"}});
    enter([&] { server_control.drain(); });
    EXPECT_EQ(status(conn), 202);
}

} // namespace
