// The servers of all agents: their list, what keeps it current, and the placement of new ones.
#include "servers_fixture.hpp"

using namespace agenthost::hub_test;
namespace wire = agenthost::wire;

namespace {

TEST_F(ServersTest, ListsTheServersOfAllAgentsWithFilters)
{
    node("n1", json::object(), json::array({{{"serverId", "a"}, {"status", "running"}, {"image", "x:1"}}}));
    node("n2", json::object(), json::array({{{"serverId", "b"}, {"status", "offline"}, {"name", "Lobby"}}}));
    const auto ids = [&](const std::string& query) {
        std::vector<std::string> out;
        const json page = get("/api/servers", query);
        for (const json& s : page["servers"]) out.push_back(s["serverId"]);
        return out;
    };
    EXPECT_EQ(ids(""), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(ids("status=running"), (std::vector<std::string>{"a"}));
    EXPECT_EQ(ids("agent=n2"), (std::vector<std::string>{"b"}));
    EXPECT_EQ(ids("name=lob"), (std::vector<std::string>{"b"}));
    EXPECT_EQ(ids("image=x"), (std::vector<std::string>{"a"}));
    EXPECT_EQ(ids("healthy=false"), std::vector<std::string>{});
    leave("n1");
    EXPECT_EQ(ids("healthy=false"), (std::vector<std::string>{"a"}));
    const json page = get("/api/servers", "limit=1");
    EXPECT_EQ(page["next"], "n1/a");
    EXPECT_EQ(page["total"], 2);
    EXPECT_EQ(ids("limit=1&after=n1/a"), (std::vector<std::string>{"b"}));
    EXPECT_EQ(status(ask("GET", "/api/servers", {}, "limit=0")), 400);
    EXPECT_EQ(status(ask("GET", "/api/servers", {}, "healthy=so")), 400);
    const Conn metrics = ask("GET", "/api/servers/metrics");
    EXPECT_THAT(daemon.answers.at(metrics).body,
                HasSubstr("agenthost_hub_server_up{agent=\"n1\",server=\"a\"} 1"));
}

TEST_F(ServersTest, ACallerSeesTheServersOfItsAgentsOnly)
{
    node("n1", json::object(), json::array({{{"serverId", "a"}, {"status", "running"}}}));
    node("n2", json::object(), json::array({{{"serverId", "b"}, {"status", "running"}}}));
    std::string why;
    const auto jwt = Jwt::of_secret(std::string(40, 'k'), why);
    credentials.agents.set_jwt(jwt);
    const std::string token = jwt->sign({.sub = "s",
                                         .role = Role::dashboard,
                                         .agents = std::vector<std::string>{"n2"},
                                         .iat = utc / 1000,
                                         .exp = utc / 1000 + 3600,
                                         .jti = "j"});
    const json list = body(ask("GET", "/api/servers", {}, {}, token));
    EXPECT_EQ(list["total"], 1);
    EXPECT_EQ(list["servers"][0]["serverId"], "b");
    EXPECT_EQ(status(ask("GET", "/api/agents/n1/servers/a", {}, {}, token)), 404);
    const Conn metrics = ask("GET", "/api/servers/metrics", {}, {}, token);
    EXPECT_THAT(daemon.answers.at(metrics).body, HasSubstr("agenthost_hub_server_known 1"));
    // A server of an agent that the caller does not see is not a duplicate, and is not revealed.
    ask("POST", "/api/servers", egg("a").dump(), {}, token);
    EXPECT_EQ(last().agent, "n2");
}

TEST_F(ServersTest, EventsAndAnswersKeepTheListCurrent)
{
    node("n1", json::object(), json::array({{{"serverId", "mc1"}, {"status", "offline"}}}));
    const auto shown = [&] { return get("/api/servers")["servers"][0]; };
    ask("POST", std::string{one} + "/power", R"({"action":"start"})");
    succeed({{"serverId", "mc1"}, {"status", "starting"}});
    EXPECT_EQ(shown()["status"], "starting");
    EXPECT_EQ(shown()["desired"], "running");
    event("n1", "mc1", "server_status_changed",
          {{"previousStatus", "starting"}, {"currentStatus", "running"}});
    EXPECT_EQ(shown()["status"], "running");
    event("n1", "mc1", "resource_update", {{"cpu", 50}, {"memory", {{"used", "1m"}}}});
    EXPECT_EQ(shown()["resources"]["memory"], 1 << 20);
    ask("POST", std::string{one} + "/power", R"({"action":"stop"})");
    succeed({{"status", "stopping"}});
    EXPECT_EQ(shown()["desired"], "stopped");
    EXPECT_EQ(server_rows.rows.at({"n1", "mc1"}).desired, DesiredState::stopped);
    ask("DELETE", one);
    succeed();
    EXPECT_EQ(get("/api/servers")["total"], 0);
    EXPECT_TRUE(server_rows.rows.empty());
}

TEST_F(ServersTest, ARefusedPowerActionChangesNothing)
{
    node("n1", json::object(), json::array({{{"serverId", "mc1"}, {"status", "offline"}}}));
    ask("POST", std::string{one} + "/power", R"({"action":"start"})");
    fail("PORT_CONFLICT");
    EXPECT_FALSE(get("/api/servers")["servers"][0].contains("desired"));
    ask("POST", std::string{one} + "/power", R"({"action":"start"})");
    fail("SERVER_NOT_FOUND");
    EXPECT_EQ(get("/api/servers")["total"], 0) << "the agent says that it is gone";
}

TEST_F(ServersTest, AnUnknownServerInAnEventIsKeptAndTheAgentAsked)
{
    node("n1");
    event("n1", "new", "server_status_changed", {{"currentStatus", "running"}});
    EXPECT_EQ(get("/api/servers")["servers"][0]["serverId"], "new");
    const std::size_t before = fanout.sent.size();
    pass(1s);
    ASSERT_EQ(fanout.sent.size(), before + 1);
    EXPECT_EQ(last().action, "docker.list_servers");
    answer_request("n1", last().id, {{"servers", json::array()}});
    EXPECT_EQ(get("/api/servers")["total"], 0) << "the list decides";
}

TEST_F(ServersTest, ADeletedServerIsForgotten)
{
    node("n1", json::object(), json::array({{{"serverId", "a"}, {"status", "running"}}}));
    event("n1", "a", "docker.server_deleted", json::object());
    EXPECT_EQ(get("/api/servers")["total"], 0);
    event("n1", "a", "server_deleted", json::object());
    EXPECT_EQ(get("/api/servers")["total"], 0);
}

TEST_F(ServersTest, AnAgentWhoseEngineAppearsLaterIsAskedForItsServers)
{
    join("n1", "panel");
    enter([&] { server_watch.ready(*fanout.find("n1")); });
    later.run();
    pass(2s);
    EXPECT_TRUE(fanout.sent.empty());
    event("n1", "", "docker.capabilities_changed", {{"dockerVersion", "24.0.0"}, {"maxMemory", "2048MB"}});
    pass(1s);
    ASSERT_EQ(fanout.sent.size(), 1U);
    EXPECT_EQ(last().action, "docker.list_servers");
    answer_request("n1", last().id, {{"servers", json::array()}});
    const Conn conn = ask("POST", "/api/servers", egg("big", {{"limits", {{"memory", "4g"}}}}).dump());
    EXPECT_EQ(status(conn), 507) << "the memory that the event named counts";
}

TEST_F(ServersTest, AnEngineThatReturnsGetsServersAtOnce)
{
    const auto placed = [&] { return status(ask("POST", "/api/servers", egg("x").dump(), "dry_run=true")); };
    const json list{{"servers", json::array()}, {"engine", {{"name", "docker"}, {"away", true}}}};
    node("n1");
    event("n1", "", "docker.engine_changed", {{"name", "docker"}, {"away", true}});
    EXPECT_NE(placed(), 200);
    pass(1s);
    ASSERT_EQ(last().action, "docker.list_servers");
    const std::string outdated = last().id;
    const std::string ill = R"({"agent_status":"degraded"})";
    enter([&] { server_watch.heartbeat("n1", ill); });
    event("n1", "", "docker.engine_changed", {{"name", "docker"}, {"away", false}});
    EXPECT_EQ(placed(), 200);
    answer_request("n1", outdated, list); // written before the engine returned
    EXPECT_EQ(placed(), 200);
    pass(1s);
    EXPECT_NE(last().id, outdated) << "asked again";
    answer_request("n1", last().id, {{"servers", json::array()}});
    EXPECT_EQ(placed(), 200);
    event("n1", "", "docker.engine_changed", json::array());
    event("n2", "", "docker.engine_changed", {{"away", true}});
    EXPECT_EQ(placed(), 200);
}

TEST_F(ServersTest, ListsArePagedAndRepeatedEveryMinute)
{
    node("n1");
    pass(59s);
    EXPECT_EQ(std::count_if(fanout.sent.begin(), fanout.sent.end(),
                            [](const auto& c) { return c.action == "docker.list_servers"; }),
              1);
    pass(1s);
    EXPECT_EQ(last().action, "docker.list_servers");
    answer_request("n1", last().id, {{"servers", {{{"serverId", "a"}}}}, {"next", "a"}});
    EXPECT_EQ(json::parse(last().params)["after"], "a");
    answer_request("n1", last().id, {{"servers", {{{"serverId", "b"}}}}});
    EXPECT_EQ(get("/api/servers")["total"], 2);
}

TEST_F(ServersTest, AgentsOfOtherSoftwareAreNotAsked)
{
    for (const char* protocol : {"storage", "print", "dashboard", "signed", "panel"}) {
        join(protocol, protocol);
        enter([&] { server_watch.ready(*fanout.find(protocol)); });
    }
    later.run();
    pass(120s);
    EXPECT_TRUE(fanout.sent.empty());
}

TEST_F(ServersTest, ARegistrationThatNamesDockerIsRemembered)
{
    enter([&] {
        server_watch.registered("n1", R"({"maxMemory":"4GB","maxCpuCores":2,"dockerVersion":"24.0.0"})");
    });
    join("n1", "panel");
    enter([&] { server_watch.ready(*fanout.find("n1")); });
    later.run();
    pass(1s);
    EXPECT_EQ(last().action, "docker.list_servers");
    enter([&] {
        requests.result("n1", {.id = last().id,
                               .outcome = wire::Outcome::error,
                               .error = {.code = "UNKNOWN_ACTION", .message = "Unknown action"}});
    });
    pass(120s);
    EXPECT_EQ(fanout.sent.size(), 1U) << "it does not know the question: it is not asked again";
    const Conn conn = ask("POST", "/api/servers", egg("x", {{"limits", {{"memory", "8g"}}}}).dump());
    EXPECT_EQ(status(conn), 507) << "but the hub knows what it has";
    EXPECT_THAT(body(conn)["refused"][0]["reason"].get<std::string>(),
                HasSubstr("only 4GiB of 4GiB is free"));
}

TEST_F(ServersTest, ChangedCapabilitiesReplaceThoseOfTheRegistrationMemberByMember)
{
    enter([&] {
        server_watch.registered("n1",
                                R"({"maxMemory":"4GB","features":["docker"],"dockerVersion":"24.0.0"})");
    });
    join("n1", "panel");
    const auto machine = [&] { return get("/api/agents/n1")["machine"]; };
    EXPECT_EQ(machine(), (json{{"maxMemory", "4GB"}, {"features", {"docker"}}, {"dockerVersion", "24.0.0"}}));
    event("n1", "", "docker.capabilities_changed", {{"dockerVersion", "27.0.1"}, {"maxMemory", "2GB"}});
    const json changed{{"features", {"docker"}}, {"dockerVersion", "27.0.1"}, {"maxMemory", "2GB"}};
    EXPECT_EQ(machine(), changed);
    leave("n1");
    EXPECT_EQ(machine(), changed) << "also while it is away";
    join("n1", "panel");
    enter([&] { server_watch.ready(*fanout.find("n1")); });
    later.run();
    const Conn conn = ask("POST", "/api/servers", egg("x", {{"limits", {{"memory", "3g"}}}}).dump());
    EXPECT_EQ(status(conn), 507) << "a new session, perhaps with a new hub, knows the change";
}

TEST_F(ServersTest, AnAgentThatReportedNoMachineHasNone)
{
    join("n1", "storage");
    EXPECT_FALSE(get("/api/agents/n1").contains("machine"));
    event("n1", "", "docker.capabilities_changed", json::array({"docker"}));
    EXPECT_FALSE(get("/api/agents/n1").contains("machine"));
}

// ---- placement ----

TEST_F(ServersTest, PlacesOnTheLeastLoadedAgentAndSaysWhy)
{
    node("n1", {{"maxMemory", "16g"}},
         json::array({{{"serverId", "old"}, {"status", "running"}, {"limits", {{"memory", "8g"}}}}}));
    node("n2", {{"maxMemory", "16g"}});
    const Conn conn = ask("POST", "/api/servers", egg().dump());
    EXPECT_EQ(last().agent, "n2");
    EXPECT_EQ(last().action, "docker.create_server");
    EXPECT_EQ(json::parse(last().params)["serverId"], "mc1");
    EXPECT_EQ(json::parse(last().params)["eggConfig"]["image"], "ghcr.io/x/y:1");
    succeed({{"serverId", "mc1"}, {"status", "installing"}});
    EXPECT_EQ(status(conn), 200);
    EXPECT_EQ(body(conn)["agent"], "n2");
    EXPECT_EQ(body(conn)["serverId"], "mc1");
    EXPECT_THAT(body(conn)["why"].get<std::string>(), HasSubstr("the least loaded of 2 agents"));
    EXPECT_EQ(body(conn)["data"]["status"], "installing");
    EXPECT_EQ(server_rows.rows.at({"n2", "mc1"}).desired, DesiredState::stopped);
    // The same request again is not a second server.
    const Conn again = ask("POST", "/api/servers", egg().dump());
    EXPECT_EQ(status(again), 409);
    EXPECT_EQ(body(again)["error"]["code"], "ID_REUSED");
    EXPECT_THAT(body(again)["error"]["message"].get<std::string>(), HasSubstr("on agent n2"));
}

TEST_F(ServersTest, RefusesWithEachAgentsReason)
{
    node("n1", {{"maxMemory", "1g"}});
    node("n2", {{"images", {"redis"}}});
    const std::size_t before = fanout.sent.size();
    const Conn conn = ask("POST", "/api/servers", egg().dump());
    EXPECT_EQ(status(conn), 507);
    const json answer = body(conn);
    EXPECT_EQ(answer["error"]["code"], "INSUFFICIENT_RESOURCES");
    ASSERT_EQ(answer["refused"].size(), 2U);
    EXPECT_EQ(answer["refused"][0]["agent"], "n1");
    EXPECT_EQ(answer["refused"][0]["code"], "INSUFFICIENT_RESOURCES");
    EXPECT_EQ(answer["refused"][1]["code"], "CONFIG_INVALID");
    EXPECT_EQ(fanout.sent.size(), before) << "no agent was asked";
    leave("n1");
    leave("n2");
    EXPECT_EQ(status(ask("POST", "/api/servers", egg().dump())), 503);
    json named = egg();
    named["agents"] = {"n1"};
    const Conn offline = ask("POST", "/api/servers", named.dump());
    EXPECT_EQ(status(offline), 503);
    EXPECT_EQ(body(offline)["refused"][0]["code"], "AGENT_OFFLINE");
}

TEST_F(ServersTest, ServersThatAreBeingCreatedTakeTheirPlace)
{
    node("n1", {{"maxMemory", "4g"}});
    const json port{{"ports", {{"25565", 25565}}}};
    const Conn first = ask("POST", "/api/servers", egg("a", port).dump());
    const auto creating = last();
    const Conn port_taken = ask("POST", "/api/servers", egg("b", port).dump());
    EXPECT_EQ(status(port_taken), 409);
    EXPECT_THAT(body(port_taken)["refused"][0]["reason"].get<std::string>(), HasSubstr("in use by server a"));
    ask("POST", "/api/servers", egg("c").dump());
    EXPECT_EQ(status(ask("POST", "/api/servers", egg("d").dump())), 507) << "4 GiB are taken";
    result("n1", {.id = creating.id,
                  .outcome = wire::Outcome::error,
                  .error = {.code = "DOCKER_ERROR", .message = "x"}});
    EXPECT_EQ(status(first), 502);
    ask("POST", "/api/servers", egg("d").dump());
    EXPECT_EQ(json::parse(last().params)["serverId"], "d") << "the failed one gave back what it took";
}

TEST_F(ServersTest, AsksTheNextAgentWhenOneRefuses)
{
    node("n1");
    node("n2");
    const Conn conn = ask("POST", "/api/servers", egg().dump());
    EXPECT_EQ(last().agent, "n1");
    fail("PORT_CONFLICT", "port 25565 is used by nginx");
    EXPECT_EQ(last().agent, "n2");
    EXPECT_FALSE(answered(conn));
    fail("INSUFFICIENT_RESOURCES", "no memory");
    EXPECT_EQ(status(conn), 507);
    EXPECT_EQ(body(conn)["refused"].size(), 2U);
    EXPECT_EQ(body(conn)["refused"][0]["reason"], "port 25565 is used by nginx");
    EXPECT_EQ(get("/api/servers")["total"], 0);
    // Other failures are the answer: the server may exist there.
    const Conn broken = ask("POST", "/api/servers", egg().dump());
    fail("DOCKER_ERROR", "engine");
    EXPECT_EQ(status(broken), 502);
    EXPECT_EQ(last().agent, "n1");
}

TEST_F(ServersTest, ADryRunOnlyChooses)
{
    node("n1");
    const std::size_t before = fanout.sent.size();
    json anonymous = egg();
    anonymous.erase("serverId");
    const Conn conn = ask("POST", "/api/servers", anonymous.dump(), "dry_run=true");
    EXPECT_EQ(status(conn), 200);
    EXPECT_EQ(body(conn)["agent"], "n1");
    EXPECT_THAT(body(conn)["serverId"].get<std::string>(), testing::StartsWith("srv-"));
    EXPECT_EQ(fanout.sent.size(), before);
    EXPECT_EQ(status(ask("POST", "/api/servers", anonymous.dump(), "dry_run=1")), 400);
    EXPECT_EQ(status(ask("POST", "/api/servers", R"({"eggConfig":{}})")), 422);
    EXPECT_EQ(status(ask("POST", "/api/servers", R"({"eggConfig":{"image":"i"},"agents":["../x",5]})")), 400);
    EXPECT_EQ(status(ask("POST", "/api/servers")), 400);
}

TEST_F(ServersTest, AnUnknownOutcomeKeepsThePlaceUntilTheNextList)
{
    node("n1");
    ask("POST", "/api/servers", egg().dump());
    const auto creating = last();
    result("n1", {.id = creating.id,
                  .outcome = wire::Outcome::unknown,
                  .error = {.code = "INTERRUPTED", .message = "x"}});
    EXPECT_EQ(status(ask("POST", "/api/servers", egg().dump())), 409) << "it may exist";
    pass(1s);
    answer_request("n1", last().id, {{"servers", json::array()}});
    const Conn conn = ask("POST", "/api/servers", egg().dump());
    EXPECT_FALSE(answered(conn)) << "it does not: it is created now";
}

TEST_F(ServersTest, WhatServersShouldDoSurvivesARestart)
{
    enter([&] {
        server_watch.restore({{.agent = "n1",
                               .id = "mc1",
                               .name = "Lobby",
                               .desired = DesiredState::running,
                               .memory = 1 << 30}});
    });
    const json server = get("/api/servers")["servers"][0];
    EXPECT_EQ(server["desired"], "running");
    EXPECT_EQ(server["limits"]["memory"], "1GiB");
    EXPECT_EQ(server["status"], "unknown");
    EXPECT_EQ(server["agentStatus"], "offline");
    join("n1", "panel");
    enter([&] { server_watch.ready(*fanout.find("n1")); });
    pass(1s);
    EXPECT_EQ(last().action, "docker.list_servers") << "it has servers: it is asked";
    answer_request("n1", last().id, {{"servers", {{{"serverId", "mc1"}, {"status", "offline"}}}}});
    pass(61s);
    EXPECT_EQ(get("/api/servers")["servers"][0]["healthy"], false) << "it should run";
}

} // namespace
