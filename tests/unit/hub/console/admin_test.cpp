#include "tests/unit/hub/fixture.hpp"

#include <sys/stat.h>

using namespace agenthost::hub_test;

namespace {

TEST_F(HubTest, MintsAgentsAndRevokesThem)
{
    const auto added = host->call("hub.agent_add", R"({"id":"n9"})");
    ASSERT_TRUE(added.ok()) << added.json;
    const std::string token = json::parse(added.json)["secret"];
    EXPECT_EQ(token.size(), 64U);
    EXPECT_FALSE(host->call("hub.agent_add", R"({"id":"n9"})").ok()) << "only with rotate";
    const agh_conn n9 = dial("n9", token);
    EXPECT_EQ(sent(n9, 0)["status"], "ok");
    const agh_conn rest = command("n9", {{"action", "info"}});
    EXPECT_THAT(host->call("hub.agent_list").json,
                HasSubstr(R"({"id":"n9","credential":"minted","status":"online","protocol":"storage"})"));
    EXPECT_TRUE(host->call("hub.agent_revoke", R"({"id":"n9"})").ok());
    EXPECT_EQ(close_code(n9), 1008);
    EXPECT_EQ(answer(rest).body["error"]["code"], "AGENT_NOT_FOUND");
    EXPECT_EQ(sent(dial("n9", token), 0)["status"], "error");
    EXPECT_EQ(code(ask("GET", "/api/agents/n9")), "AGENT_NOT_FOUND");
    EXPECT_FALSE(host->call("hub.agent_revoke", R"({"id":"n9"})").ok());
}

TEST_F(HubTest, RevokesAgentsOfTheFileAcrossARestart)
{
    const agh_conn n1 = agent("n1");
    EXPECT_TRUE(host->call("hub.agent_revoke", R"({"id":"n1"})").ok());
    EXPECT_EQ(close_code(n1), 1008);
    boot();
    EXPECT_EQ(sent(dial("n1", "secret-of-n1"), 0)["status"], "error");
    EXPECT_TRUE(host->call("hub.agent_add", R"({"id":"n1"})").ok());
    EXPECT_EQ(sent(dial("n1", "secret-of-n1"), 0)["status"], "ok");
}

TEST_F(HubTest, RotationEndsTheOldTokenAndItsSession)
{
    const std::string one = json::parse(host->call("hub.agent_add", R"({"id":"n9"})").json)["secret"];
    const agh_conn n9 = dial("n9", one);
    const std::string two =
        json::parse(host->call("hub.agent_add", R"({"id":"n9","rotate":true})").json)["secret"];
    EXPECT_EQ(close_code(n9), 1008);
    EXPECT_EQ(sent(dial("n9", one), 0)["status"], "error");
    EXPECT_EQ(sent(dial("n9", two), 0)["status"], "ok");
}

// Default grace, 30 s: an answer within the test's time does not wait for it.
class GoneAgent : public HubTest {
protected:
    // A caller that waits until mc1 of n1 runs; n1 has accepted the start.
    agh_conn wait_for_start(agh_conn n1)
    {
        const std::string body = R"({"action":"start"})";
        const agh_conn rest = ask("POST", "/api/agents/n1/servers/mc1/power", "wait=300",
                                  "\"length\":" + std::to_string(body.size()));
        EXPECT_TRUE(host->listener.wait(rest, [](auto& e) { return e.receiving; }));
        host->listener.body(rest, body);
        const json wire = sent(n1, 1);
        EXPECT_EQ(wire["action"], "docker.start_server");
        respond(n1, wire, {{"status", "success"}, {"data", {{"serverId", "mc1"}, {"status", "starting"}}}});
        // Its answer has been taken when a later one's has.
        const agh_conn later = command("n1", {{"action", "info"}});
        respond(n1, sent(n1, 2), {{"status", "success"}});
        EXPECT_EQ(answer(later).status, 200);
        EXPECT_EQ(host->listener.exchange(rest).status, 0);
        return rest;
    }
    void expect_gone(agh_conn rest)
    {
        EXPECT_EQ(answer(rest).status, 404);
        EXPECT_EQ(code(rest), "AGENT_NOT_FOUND");
    }
    bool revoke() { return host->call("hub.agent_revoke", R"({"id":"n1"})").ok(); }
    void unlist() { write_file(dir / "agents.yaml", "agents:\n  - {id: n2, secret: secret-of-n2}\n"); }
};

TEST_F(GoneAgent, NobodyWaitsForARevokedAgent)
{
    const agh_conn n1 = agent("n1");
    const agh_conn start = wait_for_start(n1);
    const agh_conn file = ask("GET", "/api/agents/n1/files/f1");
    const agh_conn head = ask("HEAD", "/api/agents/n1/files/f1");
    sent(n1, 4);
    ASSERT_TRUE(revoke());
    for (const agh_conn rest : {start, file, head}) expect_gone(rest);
    EXPECT_EQ(answer(start).body["status"], "starting") << "what is known";
    EXPECT_THAT(answer(start).text, HasSubstr("was revoked"));
}

TEST_F(GoneAgent, NobodyWaitsForOneThatIsRevokedWhileItIsAway)
{
    const agh_conn n1 = agent("n1");
    const agh_conn start = wait_for_start(n1);
    host->listener.closed(n1);
    ASSERT_TRUE(revoke());
    expect_gone(start);
}

TEST_F(GoneAgent, NobodyWaitsForOneThatIsNoLongerListed)
{
    const agh_conn n1 = agent("n1");
    const agh_conn start = wait_for_start(n1);
    const agh_conn file = ask("GET", "/api/agents/n1/files/f1");
    sent(n1, 3);
    unlist();
    for (const agh_conn rest : {start, file}) expect_gone(rest);
}

TEST_F(GoneAgent, NobodyWaitsForOneThatIsNoLongerListedWhileItIsAway)
{
    const agh_conn n1 = agent("n1");
    const agh_conn start = wait_for_start(n1);
    host->listener.closed(n1);
    unlist();
    expect_gone(start);
}

TEST_F(GoneAgent, AConsoleThatFollowsItEnds)
{
    for (const bool revoked : {false, true}) {
        boot();
        const agh_conn n1 = agent("n1");
        const auto console =
            host->invoke("hub.server_follow", R"({"agent":"n1","server":"mc1","tail":1,"follow":true})");
        const json wire = sent(n1, 1);
        EXPECT_EQ(wire["action"], "docker.get_logs");
        respond(n1, wire,
                {{"status", "success"}, {"data", {{"lines", json::array()}, {"next", 1}, {"end", 1}}}});
        const agh_conn later = command("n1", {{"action", "info"}});
        respond(n1, sent(n1, 2), {{"status", "success"}});
        EXPECT_EQ(answer(later).status, 200);
        if (revoked)
            ASSERT_TRUE(revoke());
        else
            unlist();
        EXPECT_EQ(host->wait_reply(console).code(), "AGENT_NOT_FOUND");
    }
}

TEST_F(HubTest, MintsBearerTokensAndRevokesThem)
{
    const json made = json::parse(host->call("hub.token_new", R"({"label":"ci"})").json);
    const std::string token = made["token"];
    EXPECT_EQ(answer(host->listener.request("GET", "/api/agents", bearer(token))).status, 200);
    boot();
    EXPECT_EQ(answer(host->listener.request("GET", "/api/agents", bearer(token))).status, 200);
    EXPECT_THAT(host->call("hub.token_list").json, HasSubstr("\"label\":\"ci\""));
    EXPECT_THAT(host->call("hub.token_list").json, Not(HasSubstr(token)));
    EXPECT_TRUE(host->call("hub.token_revoke", json{{"id", made["id"]}}.dump()).ok());
    EXPECT_EQ(answer(host->listener.request("GET", "/api/agents", bearer(token))).status, 401);
    EXPECT_FALSE(host->call("hub.token_revoke", json{{"id", made["id"]}}.dump()).ok());
}

TEST_F(HubTest, RereadsChangedSecretsAndEndsInvalidSessions)
{
    const agh_conn n1 = agent("n1");
    const agh_conn n2 = agent("n2");
    // Writes the token first: each check reads it after the agents, so the check that disconnects n1 has read
    // the token too. Repeated requests with an unknown token would be answered 429.
    write_file(dir / "admin", "another-admin-token");
    write_file(dir / "agents.yaml",
               "agents:\n  - {id: n2, secret: secret-of-n2}\n  - {id: n3, secret: secret-of-n3}\n");
    EXPECT_TRUE(host->listener.wait(n1, [](auto& e) { return e.close_code == 1008; }));
    agent("n3");
    EXPECT_EQ(host->listener.exchange(n2).close_code, 0);
    EXPECT_TRUE(wait_for([&] {
        return answer(host->listener.request("GET", "/api/agents", bearer("another-admin-token"))).status ==
               200;
    }));
    EXPECT_EQ(answer(ask("GET", "/api/agents")).status, 401);
}

TEST_F(HubTest, DoesNotStartWithSecretsOthersCanRead)
{
    write_file(dir / "open", "a-token", 0600);
    ASSERT_EQ(::chmod((dir / "open").c_str(), 0644), 0);
    FakeHost other{agenthost::testing::load_entry((agenthost::test::plugin_dir() / "hub.so").string()),
                   json{{"admin_token", {{"file", (dir / "open").string()}}}, {"reserve_free", 0}}.dump()};
    const auto started = other.start();
    EXPECT_FALSE(started.ok());
    EXPECT_THAT(started.text, HasSubstr("chmod 0600"));
}

TEST_F(HubTest, DoesNotStartWithoutItsListener)
{
    FakeHost other{agenthost::testing::load_entry((agenthost::test::plugin_dir() / "hub.so").string()),
                   R"({"listener":"nowhere","reserve_free":0})"};
    const auto started = other.start();
    EXPECT_FALSE(started.ok());
    EXPECT_THAT(started.text, HasSubstr("no such listener is configured"));
}

TEST_F(HubTest, ClosesSessionsProperlyAtShutdown)
{
    const agh_conn n1 = agent("n1");
    const agh_conn waiting = command("n1", {{"action", "info"}});
    const agh_conn file = ask("GET", "/api/agents/n1/files/f1");
    sent(n1, 2);
    std::thread daemon{[&] { EXPECT_TRUE(host->drain()); }};
    EXPECT_EQ(close_code(n1), 1001);
    EXPECT_EQ(answer(waiting).status, 202);
    EXPECT_EQ(answer(file).status, 503);
    EXPECT_EQ(answer(ask("GET", "/api/agents")).status, 503);
    for (const agh_conn conn : {n1, waiting, file}) host->listener.closed(conn);
    daemon.join();
}

TEST_F(HubTest, NoSecretReachesTheLog)
{
    const std::string minted = json::parse(host->call("hub.agent_add", R"({"id":"n9"})").json)["secret"];
    dial("n9", minted);
    dial("n1", "a-wrong-secret");
    const agh_conn n1 = agent("n1");
    put("/api/agents/n1/files/f1", "abc");
    const std::string url = sent(n1, 1)["download_url"];
    host->listener.frame(n1, R"({"action":"response","request_id":5})"); // malformed: is logged
    EXPECT_TRUE(host->wait([&] { return host->logged("not of its protocol"); }));
    for (const auto& line : host->logs()) {
        for (const std::string& secret : {minted, std::string{"a-wrong-secret"}, std::string{"secret-of-n1"},
                                          std::string{admin}, url.substr(url.rfind('/') + 1)}) {
            EXPECT_THAT(line.message + line.fields, Not(HasSubstr(secret)));
        }
    }
}

TEST_F(HubTest, PublishesTheNumberOfAgents)
{
    agent("n1");
    EXPECT_TRUE(
        host->wait([&] { return host->facts()["agents"].find("\"online\":1") != std::string::npos; }));
    EXPECT_EQ(host->mistakes(), std::vector<std::string>{});
}

TEST_F(HubTest, KeepsTheOldSecretsAndReportsAnInvalidFile)
{
    EXPECT_TRUE(host->health().ok());
    write_file(dir / "agents.yaml", "agents: [");
    EXPECT_TRUE(wait_for([&] { return !host->health().ok(); }));
    EXPECT_THAT(host->health().text, HasSubstr("agents.yaml"));
    agent("n1");
    write_file(dir / "agents.yaml", "agents:\n  - {id: n1, secret: secret-of-n1}\n");
    EXPECT_TRUE(wait_for([&] { return host->health().ok(); }));
}

} // namespace
