// What an action on a server leads to, for callers who wait for it.
#include "servers_fixture.hpp"

#include "plugins/hub/servers/outcomes.hpp"

#include <memory>
#include <optional>
#include <vector>

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
    // `action`: the agent's number of the action that led to it; 0: it numbers none.
    void changes(const std::string& from, const std::string& to, const json& error = nullptr, int action = 0)
    {
        json data{{"serverId", "mc1"}, {"previousStatus", from}, {"currentStatus", to}};
        if (action > 0) data["actionNumber"] = action;
        if (!error.is_null()) data["error"] = error;
        event("n1", "mc1", "server_status_changed", data);
    }
    // The command line asks for it; what it is answered, if it is.
    struct Caller {
        ReplyPtr reply = std::make_shared<Reply>();
        std::optional<std::string> code; // empty: ok
        std::string text;
    };
    std::shared_ptr<Caller> command_line(const json& params)
    {
        const auto caller = std::make_shared<Caller>();
        caller->reply->ok = [at = caller.get()](const std::string& json) { at->code = "", at->text = json; };
        caller->reply->fail = [at = caller.get()](std::string_view code, const std::string& message) {
            at->code = code, at->text = message;
        };
        enter([&] { server_control.call("hub.server_do", params.dump(), caller->reply); });
        later.run();
        return caller;
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

TEST_F(Outcomes, AnEventFromBeforeTheActionReachedTheAgentDoesNotCount)
{
    changes("offline", "starting", nullptr, 6);
    pass(5ms);
    const Conn conn = power("restart");
    pass(5ms);
    changes("starting", "running", nullptr, 6); // was on its way
    succeed({{"serverId", "mc1"}, {"status", "stopping"}, {"actionNumber", 7}});
    EXPECT_FALSE(answered(conn));
    changes("running", "stopping", nullptr, 7);
    changes("stopping", "starting", nullptr, 7);
    EXPECT_FALSE(answered(conn));
    changes("starting", "running", nullptr, 7);
    EXPECT_EQ(status(conn), 200);
}

TEST_F(Outcomes, AnActionThatWaitedIsNotAnsweredWithTheErrorOfTheOneBefore)
{
    const Conn first = power("start");
    succeed({{"serverId", "mc1"}, {"status", "starting"}, {"actionNumber", 1}});
    const Conn second = power("start");
    succeed({{"serverId", "mc1"}, {"status", "starting"}, {"actionNumber", 2}});
    changes("starting", "offline", {{"code", "DOCKER_ERROR"}, {"message", "no such image"}}, 1);
    EXPECT_EQ(status(first), 502);
    EXPECT_FALSE(answered(second));
    changes("offline", "starting", nullptr, 2);
    changes("starting", "running", nullptr, 2);
    EXPECT_EQ(status(second), 200);
}

TEST_F(Outcomes, AServerThatIsStoppedBetweenInstallationAndStartIsNotWaitedFor)
{
    for (const bool numbers : {true, false}) {
        for (const bool early : {true, false}) { // the event overtakes the answer to the stop
            const std::string id = "s" + std::to_string(numbers) + std::to_string(early);
            const auto create =
                ask("POST", "/api/agents/n1/servers",
                    json{{"serverId", id}, {"eggConfig", egg()["eggConfig"]}, {"start", true}}.dump(),
                    "wait=600");
            json answer{{"serverId", id}, {"status", "installing"}};
            if (numbers) answer["actionNumber"] = 1;
            succeed(answer);
            const auto stop = ask("POST", "/api/agents/n1/servers/" + id + "/power", R"({"action":"stop"})");
            const auto rests = [&] {
                json data{{"serverId", id}, {"previousStatus", "installing"}, {"currentStatus", "offline"}};
                if (numbers) data["actionNumber"] = 2;
                event("n1", id, "server_status_changed", data);
            };
            if (early) rests();
            answer["status"] = "stopping";
            if (numbers) answer["actionNumber"] = 2;
            succeed(answer);
            if (!early) rests();
            EXPECT_EQ(status(stop), 200);
            EXPECT_EQ(status(create), 409) << id;
            EXPECT_EQ(body(create)["error"]["code"], "CANCELLED");
        }
    }
}

TEST_F(Outcomes, ACallerWhoLeftBeforeTheAnswerLeavesNoWait)
{
    const auto caller = command_line({{"do", "start"}, {"server", "mc1"}, {"wait", 3600}});
    enter([&] { server_control.left(caller->reply.get()); });
    succeed({{"serverId", "mc1"}, {"status", "starting"}});
    EXPECT_EQ(outcomes.waits(), 0u);
    // Over REST the agent's answer may meet a connection that closed while the caller's token was checked.
    const Conn conn = power("start");
    enter([&] { exchanges.closed(conn); });
    succeed({{"serverId", "mc1"}, {"status", "starting"}});
    TaskRecord task{.id = "t", .agent = "n1", .action = "docker.start_server", .target = "mc1"};
    enter([&] { server_calls.answer_outcome(exchanges.at(conn), task, nullptr, 3600); });
    EXPECT_EQ(outcomes.waits(), 0u);
}

TEST_F(Outcomes, EachCallerHasAShareOfTheWaitsAndIsRefusedBeforeItsActionIsSent)
{
    const json start{{"do", "start"}, {"server", "mc1"}, {"wait", 3600}};
    std::vector<std::shared_ptr<Caller>> waiting;
    std::shared_ptr<Caller> refused;
    for (std::size_t i = 0; i < ServerOutcomes::max_waits && refused == nullptr; ++i) {
        const auto caller = command_line(start);
        if (caller->code) {
            refused = caller;
            break;
        }
        succeed({{"serverId", "mc1"}, {"status", "starting"}});
        waiting.push_back(caller);
    }
    ASSERT_NE(refused, nullptr);
    EXPECT_EQ(waiting.size(), ServerOutcomes::max_waits * 4 / 5);
    EXPECT_EQ(refused->code, "BUSY");
    EXPECT_THAT(refused->text, HasSubstr("the action was not sent"));
    EXPECT_THAT(refused->text, HasSubstr("--no-wait"));
    const std::size_t sent = fanout.sent.size();
    command_line(start);
    EXPECT_EQ(fanout.sent.size(), sent);
    // Another one has its share, and places are given back.
    const Conn other = power("start");
    succeed({{"serverId", "mc1"}, {"status", "starting"}});
    EXPECT_EQ(outcomes.waits(), waiting.size() + 1);
    changes("starting", "running");
    EXPECT_EQ(status(other), 200);
    EXPECT_EQ(waiting.back()->code, "");
    std::string why;
    EXPECT_NE(outcomes.reserve("the command line", why), nullptr);
}

TEST_F(Outcomes, AWaitSurvivesAShortAbsenceOfItsAgentAndEndsWithALongOne)
{
    const auto lose = [&] {
        leave("n1");
        enter([&] { server_control.agent_lost("n1"); });
    };
    const Conn conn = power("start", "wait=3600");
    succeed({{"serverId", "mc1"}, {"status", "starting"}});
    lose();
    pass(config().agent_grace - 1s);
    join("n1", "panel");
    enter([&] { server_control.agent_ready("n1"); });
    pass(2s);
    EXPECT_FALSE(answered(conn));
    lose();
    pass(config().agent_grace);
    ASSERT_EQ(status(conn), 503);
    EXPECT_EQ(body(conn)["error"]["code"], "AGENT_OFFLINE");
    EXPECT_THAT(body(conn)["error"]["message"].get<std::string>(), HasSubstr("stored at the agent"));
    EXPECT_EQ(body(conn)["status"], "starting");
    EXPECT_EQ(outcomes.waits(), 0u);
}

TEST_F(Outcomes, AHubThatStopsAnswersWithWhatIsKnown)
{
    const Conn conn = power("start");
    succeed({{"serverId", "mc1"}, {"status", "starting"}});
    enter([&] { server_control.drain(); });
    EXPECT_EQ(status(conn), 202);
}

} // namespace
