// The updates and permissions of dashboards, and their bounds; their output: output_test.cpp.
#include "dashboards_fixture.hpp"

using namespace agenthost::hub_test;
using namespace std::chrono_literals;
using HubRun = agenthost::hub::Run;
namespace wire = agenthost::wire;

namespace {

TEST_F(DashboardsTest, FollowsTheExampleSessionOfTheDocument)
{
    const Conn conn = open_dashboard();
    auto frames = heard(conn);
    EXPECT_EQ(types(frames), (Names{"connection:ack", "agent:list"}));
    EXPECT_FALSE(frames[0]["payload"]["connectionId"].get<std::string>().empty());
    ASSERT_EQ(frames[1]["payload"]["agents"].size(), 1U);
    EXPECT_EQ(frames[1]["payload"]["agents"][0]["agentId"], "d1");
    EXPECT_EQ(frames[1]["payload"]["agents"][0]["status"], "online");

    const std::string id = start(conn, {{"priority", "normal"}});
    const json asked = json::parse(fanout.sent.back().params);
    EXPECT_EQ(asked, (json{{"commandId", id}, {"command", "ls -la"}, {"priority", "normal"}}));
    running(id);
    print(id, 0, "total 24\n");
    pass(60ms);
    print(id, 9, "drwxr-xr-x\n");
    exits(id);
    say(conn, "heartbeat", {{"sequence", 1}});
    pass(0ms);
    frames.clear();
    for (const std::string& text : std::exchange(daemon.sent[conn], {})) frames.push_back(json::parse(text));
    EXPECT_EQ(types(frames), (Names{"command:status queued", "command:status running", "terminal:output",
                                    "terminal:output", "command:status completed", "heartbeat"}));
    EXPECT_EQ(frames[2]["payload"]["data"], "total 24\n");
    EXPECT_EQ(frames[2]["payload"]["sequence"], 1);
    EXPECT_EQ(frames[3]["payload"]["sequence"], 2);
    EXPECT_EQ(frames[3]["payload"]["offset"], 9);
    EXPECT_EQ(frames[4]["payload"]["exitCode"], 0);
    EXPECT_EQ(frames[5]["payload"]["sequence"], 1);
    for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(frames[i]["payload"]["commandId"], id);
}

TEST_F(DashboardsTest, RefusesAnUpgradeWithoutAValidToken)
{
    for (const std::string& bad : {std::string{}, std::string{"x"}, token("d1", {}, Role::agent),
                                   token("ops", {}, Role::dashboard, -1)}) {
        const Conn conn = dial(bad);
        EXPECT_EQ(status(conn), 401) << bad;
        EXPECT_EQ(body(conn)["error"]["code"], "AUTH_FAILED");
        EXPECT_FALSE(daemon.upgraded.contains(conn));
    }
    EXPECT_EQ(dashboards.size(), 0U);
}

TEST_F(DashboardsTest, AgentStatusIsSentAtOnceAndListsSoon)
{
    const Conn conn = open_dashboard();
    heard(conn);
    join_agent("d2");
    json status = only(conn);
    EXPECT_EQ(status["type"], "agent:status");
    EXPECT_EQ(status["payload"]["agentId"], "d2");
    EXPECT_EQ(status["payload"]["status"], "online");
    for (const char* key : {"name", "capabilities", "lastSeen"})
        EXPECT_TRUE(status["payload"].contains(key)) << key;
    const AgentRecord gone = *fanout.find("d2");
    leave("d2");
    enter([&] { dashboards.agent_changed(gone, false); });
    EXPECT_EQ(only(conn)["payload"]["status"], "offline");
    const Conn late = open_dashboard();
    EXPECT_EQ(heard(late)[1]["payload"]["agents"].size(), 1U);
    pass(DashboardGroups::list_spacing);
    const json list = only(conn);
    EXPECT_EQ(list["type"], "agent:list");
    EXPECT_EQ(list["payload"]["agents"].size(), 1U);
    EXPECT_TRUE(heard(late).empty()) << "it has had the newest list";
}

TEST_F(DashboardsTest, ATokenLimitsTheAgentsThatADashboardSeesAndCommands)
{
    join_agent("d2");
    const Conn all = open_dashboard(), one = open_dashboard(std::vector<std::string>{"d2", "elsewhere"});
    heard(all);
    const json list = heard(one)[1]["payload"]["agents"];
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0]["agentId"], "d2");
    const std::string id = start(all);
    running(id);
    print(id, 0, "secret");
    enter([&] { runs.events().event("d1", {.topic = "command_queue", .json = R"({"queue":[]})"}); });
    exits(id);
    enter([&] { dashboards.agent_changed(*fanout.find("d1"), false); });
    pass(2s);
    EXPECT_TRUE(types(heard(one)) == (Names{"agent:list"})) << "a list that is due shows its own agents only";
    EXPECT_EQ(daemon.sent[all].size(), 7U);
    say(one, "command:request", {{"agentId", "d1"}, {"command", "x"}});
    EXPECT_EQ(code(one), "AGENT_OFFLINE") << "as if it did not exist";
    const std::string open = start(all);
    heard(one);
    say(one, "command:interrupt", {{"commandId", open}});
    EXPECT_EQ(code(one), "COMMAND_NOT_FOUND");
    start(one, {}, "d2");
    EXPECT_EQ(types(heard(one)), (Names{"command:status queued"}));
}

TEST_F(DashboardsTest, ANewDashboardReceivesTheOpenCommands)
{
    const Conn first = open_dashboard();
    const std::string id = start(first);
    running(id);
    print(id, 0, "early ");
    pass(60ms);
    const Conn late = open_dashboard();
    auto frames = heard(late);
    EXPECT_EQ(types(frames), (Names{"connection:ack", "agent:list", "command:status running"}));
    print(id, 6, "late");
    const json chunk = only(late);
    EXPECT_EQ(chunk["payload"]["data"], "late");
    EXPECT_EQ(chunk["payload"]["offset"], 6) << "what was before can be fetched: GET /api/commands/ID/output";
    exits(id);
    EXPECT_EQ(types(heard(late)), (Names{"command:status completed"}));
}

TEST_F(DashboardsTest, TheRequestIdIsEchoedToItsSender)
{
    const Conn conn = open_dashboard(), other = open_dashboard();
    heard(conn), heard(other);
    const std::string id = start(conn, {{"requestId", "q-1"}});
    running(id);
    exits(id);
    const auto own = heard(conn), theirs = heard(other);
    ASSERT_EQ(types(own),
              (Names{"command:status queued", "command:status running", "command:status completed"}));
    EXPECT_EQ(types(theirs), types(own));
    for (const json& f : own) EXPECT_EQ(f["payload"]["requestId"], "q-1");
    for (const json& f : theirs) EXPECT_FALSE(f["payload"].contains("requestId"));
}

TEST_F(DashboardsTest, AllSixErrorCodesAndTheirDetails)
{
    const Conn conn = open_dashboard(), other = open_dashboard();
    heard(conn), heard(other);
    say(conn, "command:request", {{"agentId", "nobody"}, {"command", "x"}, {"requestId", "q"}});
    json error = only(conn);
    EXPECT_EQ(error["payload"], (json{{"code", "AGENT_OFFLINE"},
                                      {"message", "Agent nobody is not connected"},
                                      {"recoverable", true},
                                      {"requestId", "q"}}));
    raw(conn, "{");
    EXPECT_EQ(code(conn), "INVALID_MESSAGE");
    say(conn, "heartbeat", {{"sequence", 1}});
    say(conn, "heartbeat", {{"sequence", 2}});
    EXPECT_EQ(types(heard(conn)), (Names{"heartbeat", "error RATE_LIMIT"}));

    std::string id = start(conn);
    heard(conn), heard(other);
    exits(id, R"({"exit_code":143,"reason":"timeout"})");
    auto frames = heard(conn);
    ASSERT_EQ(types(frames), (Names{"error COMMAND_TIMEOUT", "command:status failed"}));
    EXPECT_EQ(frames[0]["payload"]["commandId"], id);
    EXPECT_EQ(frames[1]["payload"]["reason"], "timeout");
    EXPECT_EQ(types(heard(other)), (Names{"command:status failed"})) << "the error is its who asked";

    id = start(conn);
    heard(conn);
    fails(id, "QUEUE_FULL"); // the agent's queue
    EXPECT_EQ(types(heard(conn)), (Names{"error QUEUE_FULL", "command:status failed"}));

    say(conn, "token:refresh", {{"token", "bad"}});
    error = only(conn);
    EXPECT_EQ(error["payload"]["code"], "AUTH_FAILED");
    EXPECT_EQ(error["payload"]["recoverable"], false);
    EXPECT_EQ(daemon.closed.at(conn), 1008);
}

TEST_F(DashboardsTest, TheHubsOwnQueueCanBeFullToo)
{
    const Conn conn = open_dashboard();
    for (std::size_t i = 0; i < core.config.agent_queue; ++i) {
        TaskRecord task = runs.make("d1", R"({"command":"x"})");
        ASSERT_EQ(runs.check(task), "");
        enter([&] { ASSERT_TRUE(runs.start(task)); });
    }
    heard(conn);
    say(conn, "command:request", {{"agentId", "d1"}, {"command", "x"}, {"requestId", "q"}});
    EXPECT_EQ(code(conn), "QUEUE_FULL");
}

TEST_F(DashboardsTest, ReportsTheLossOfTheAgentAsTheReason)
{
    const Conn conn = open_dashboard();
    const std::string id = start(conn);
    running(id);
    heard(conn);
    fails(id, "INTERRUPTED");
    const auto frames = heard(conn);
    EXPECT_EQ(frames.back()["payload"]["status"], "failed");
    EXPECT_EQ(frames.back()["payload"]["reason"], "agent_lost");
}

TEST_F(DashboardsTest, LimitsOfMessagesCommandsSizesAndHeartbeats)
{
    const Conn conn = open_dashboard();
    heard(conn);
    for (std::size_t i = 0; i < DashboardLimits::commands_per_minute; ++i) start(conn);
    heard(conn);
    say(conn, "command:request", {{"agentId", "d1"}, {"command", "x"}, {"requestId", "q"}});
    json error = only(conn);
    EXPECT_EQ(error["payload"]["code"], "RATE_LIMIT");
    EXPECT_EQ(error["payload"]["requestId"], "q");
    pass(60s);
    start(conn);
    heard(conn);

    say(conn, "heartbeat", {{"sequence", 1}});
    pass(24s);
    say(conn, "heartbeat", {{"sequence", 2}});
    pass(1s);
    say(conn, "heartbeat", {{"sequence", 3}});
    Names seen;
    for (const std::string& text : std::exchange(daemon.sent[conn], {}))
        seen.push_back(json::parse(text)["type"]);
    EXPECT_EQ(seen, (Names{"heartbeat", "error", "heartbeat"}));

    raw(conn, "{\"type\":\"heartbeat\",\"payload\":{\"x\":\"" + std::string(1U << 20, 'x') + "\"}}");
    EXPECT_EQ(code(conn), "RATE_LIMIT");

    pass(2s);
    for (int i = 0; i < 150; ++i) raw(conn, "{}");
    auto frames = heard(conn);
    ASSERT_EQ(frames.size(), 101U) << "a hundred answers, one complaint";
    EXPECT_EQ(frames.back()["payload"]["code"], "RATE_LIMIT");
    pass(10ms);
    raw(conn, "{}");
    EXPECT_EQ(code(conn), "INVALID_MESSAGE") << "it is read again";
}

TEST_F(DashboardsTest, AnExpiredTokenEndsTheSessionAndARefreshExtendsIt)
{
    const Conn old = dial(token("ops", {}, Role::dashboard, 60)),
               fresh = dial(token("ops", {}, Role::dashboard, 60));
    heard(old), heard(fresh);
    pass(50s);
    say(fresh, "token:refresh", {{"token", token("ops", {}, Role::dashboard, 600)}, {"requestId", "q"}});
    EXPECT_EQ(only(fresh)["payload"], (json{{"requestId", "q"}, {"status", "success"}}));
    pass(10s);
    EXPECT_EQ(code(old), "AUTH_FAILED");
    EXPECT_EQ(daemon.closed.at(old), 1008);
    EXPECT_FALSE(daemon.closed.contains(fresh));
    say(fresh, "token:refresh", {{"token", token("somebody else")}});
    EXPECT_EQ(code(fresh), "AUTH_FAILED");
    EXPECT_EQ(daemon.closed.at(fresh), 1008);
}

TEST_F(DashboardsTest, ARefreshedTokenMaySeeOtherAgents)
{
    join_agent("d2");
    const Conn conn = open_dashboard(std::vector<std::string>{"d1"});
    heard(conn);
    say(conn, "token:refresh", {{"token", token("ops", std::vector<std::string>{"d2"})}});
    const auto frames = heard(conn);
    ASSERT_EQ(types(frames), (Names{"connection:ack", "agent:list"}));
    EXPECT_EQ(frames[1]["payload"]["agents"][0]["agentId"], "d2");
    say(conn, "command:request", {{"agentId", "d1"}, {"command", "x"}});
    EXPECT_EQ(code(conn), "AGENT_OFFLINE");
}

TEST_F(DashboardsTest, ARevokedTokenEndsItsSession)
{
    const Conn conn = dial(token("ops", {}, Role::dashboard, 3600, "jwt_1")), other = open_dashboard();
    heard(conn), heard(other);
    credentials.minted.put(MintedJwt{.jti = "jwt_1", .revoked = true});
    enter([&] { dashboards.check_credentials(); });
    EXPECT_EQ(code(conn), "AUTH_FAILED");
    EXPECT_EQ(daemon.closed.at(conn), 1008);
    EXPECT_FALSE(daemon.closed.contains(other));
}

TEST_F(DashboardsTest, ConnectMustNameTheSameSubject)
{
    const Conn conn = open_dashboard();
    heard(conn);
    say(conn, "dashboard:connect", {{"token", token()}, {"clientInfo", {{"name", "console"}}}});
    EXPECT_TRUE(heard(conn).empty());
    say(conn, "dashboard:connect", {{"token", token("another")}, {"clientInfo", json::object()}});
    EXPECT_EQ(code(conn), "AUTH_FAILED");
    EXPECT_EQ(daemon.closed.at(conn), 1008);
}

TEST_F(DashboardsTest, ASlowDashboardLosesTheOldestOutputAndOthersDoNot)
{
    const Conn slow = open_dashboard(), quick = open_dashboard();
    const std::string id = start(slow);
    running(id);
    heard(slow), heard(quick);
    daemon.full.insert(slow);
    std::uint64_t offset = 0;
    const std::string block(10'240, 'x');
    for (int i = 0; i < 1000; ++i, offset += block.size()) {
        print(id, offset, block);
        pass(50ms);
    }
    std::uint64_t got = 0;
    for (const std::string& text : std::exchange(daemon.sent[quick], {})) {
        const json f = json::parse(text);
        EXPECT_FALSE(f["payload"].contains("dropped"));
        got += f["payload"]["data"].get<std::string>().size();
    }
    EXPECT_EQ(got, offset);
    daemon.full.erase(slow);
    enter([&] { dashboards.writable(slow); });
    std::uint64_t kept = 0, dropped = 0;
    for (const std::string& text : std::exchange(daemon.sent[slow], {})) {
        const json f = json::parse(text);
        kept += f["payload"]["data"].get<std::string>().size();
        dropped += f["payload"].value("dropped", std::uint64_t{0});
    }
    EXPECT_LE(kept, ClientSendQueue::max_output);
    EXPECT_GT(kept, 80'000U);
    EXPECT_EQ(kept + dropped, offset) << "every byte is there or accounted for";
    print(id, offset, "more");
    EXPECT_EQ(only(slow)["payload"]["data"], "more");
    exits(id);
    EXPECT_EQ(types(heard(slow)), (Names{"command:status completed"}));
}

TEST_F(DashboardsTest, OnlyTheNewestWaitingListIsSent)
{
    const Conn slow = open_dashboard();
    heard(slow);
    daemon.full.insert(slow);
    for (const char* id : {"d2", "d3", "d4"}) {
        join_agent(id);
        pass(DashboardGroups::list_spacing);
    }
    daemon.full.erase(slow);
    enter([&] { dashboards.writable(slow); });
    const auto frames = heard(slow);
    ASSERT_EQ(types(frames), (Names{"agent:status", "agent:list", "agent:status", "agent:status"}));
    EXPECT_EQ(frames[1]["payload"]["agents"].size(), 4U);
}

TEST_F(DashboardsTest, ADashboardThatReadsNothingIsClosed)
{
    const Conn stalled = open_dashboard(), other = open_dashboard();
    daemon.full.insert(stalled);
    for (int i = 0; i < 20'000 && !daemon.closed.contains(stalled); ++i)
        enter([&] { dashboards.agent_changed(*fanout.find("d1"), true); });
    EXPECT_EQ(daemon.closed.at(stalled), 1013);
    EXPECT_FALSE(daemon.closed.contains(other));
}

TEST_F(DashboardsTest, InterruptInputAndResizeReachTheAgent)
{
    const Conn conn = open_dashboard();
    const std::string id = start(conn, {{"pty", {{"cols", 80}, {"rows", 24}}}});
    running(id);
    heard(conn);
    say(conn, "terminal:input", {{"commandId", id}, {"data", "ls\n"}});
    EXPECT_EQ(fanout.sent.back().action, "terminal.input");
    EXPECT_EQ(json::parse(fanout.sent.back().params), (json{{"commandId", id}, {"data", "ls\n"}}));
    enter([&] { requests.result("d1", {.id = fanout.sent.back().id}); });
    EXPECT_TRUE(heard(conn).empty()) << "only a failure is said";
    say(conn, "terminal:resize", {{"commandId", id}, {"cols", 120}, {"rows", 40}, {"requestId", "q"}});
    enter([&] { requests.result("d1", {.id = fanout.sent.back().id}); });
    EXPECT_EQ(only(conn)["payload"], (json{{"requestId", "q"}, {"status", "success"}}));
    say(conn, "command:interrupt", {{"commandId", id}});
    EXPECT_EQ(fanout.sent.back().action, "terminal.interrupt");
    enter([&] {
        requests.result("d1", {.id = fanout.sent.back().id,
                               .outcome = wire::Outcome::error,
                               .error = {.code = "DENIED", .message = "no"}});
    });
    EXPECT_EQ(code(conn), "DENIED");
    exits(id, R"({"exit_code":130,"reason":"interrupted"})");
    EXPECT_EQ(heard(conn).back()["payload"]["reason"], "interrupted");
}

TEST_F(DashboardsTest, TheQueueEventNamesItsAgent)
{
    const Conn conn = open_dashboard();
    heard(conn);
    const json queue = {{{"commandId", "c"}, {"position", 1}, {"priority", "low"}}};
    enter([&] {
        runs.events().event("d1", {.topic = "command_queue", .json = json{{"queue", queue}}.dump()});
    });
    EXPECT_EQ(only(conn)["payload"], (json{{"agentId", "d1"}, {"queue", queue}}));
}

TEST_F(DashboardsTest, BoundsDashboardsAndLeavesSpaceForOtherTokens)
{
    std::vector<Conn> all;
    for (std::size_t i = 0; i < Dashboards::max_dashboards / 5 * 4; ++i) all.push_back(open_dashboard());
    const Conn more = dial(token());
    EXPECT_EQ(status(more), 503);
    EXPECT_THAT(body(more)["error"]["message"].get<std::string>(), testing::HasSubstr("its share of 1,000"));
    open_dashboard({}, "another");
    enter([&] { dashboards.closed(all.front()); });
    EXPECT_EQ(status(dial(token())), 503) << "less is free: less is its share";
    for (int i = 0; i < 10; ++i) enter([&] { dashboards.closed(all.at(1 + i)); });
    open_dashboard();
    const std::size_t open = dashboards.size();
    enter([&] { dashboards.close_all(); });
    EXPECT_EQ(daemon.closed.size(), open);
}

} // namespace
