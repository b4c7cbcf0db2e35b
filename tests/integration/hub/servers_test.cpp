// Game servers through a real hub: agents are servers.mjs, written from the panel protocol's document alone; callers are curl, dashboards and
// the command line.
#include "fixture.hpp"

#include "tests/unit/hub/node_jwt.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <ctime>

using namespace agenthost::test;
using agenthost::hub_test::node_sign;
using nlohmann::json;
using ::testing::HasSubstr;

namespace {

class HubServers : public HubDaemon {
protected:
    void start(const std::string& listener_more = {}, const std::string& more = {})
    {
        write_file(dir_ / "jwt", jwt_secret, 0600);
        listener_more_ = listener_more;
        boot("jwt_secret: {file: '" + (dir_ / "jwt").string() + "'}" + (more.empty() ? "" : ", " + more));
    }
    static std::string token(const std::string& sub, const std::string& role)
    {
        const auto now = static_cast<std::int64_t>(std::time(nullptr));
        return node_sign(
            "HS256", jwt_secret,
            {{"sub", sub}, {"role", role}, {"iat", now - 5}, {"exp", now + 600}, {"jti", sub + role}});
    }
    std::string ws(const std::string& path) const { return "ws" + url_.substr(4) + path; }
    // Makes the hub know it as an agent with servers, by its registration or its first event.
    std::unique_ptr<NodeAgent> node(const std::string& id, const json& options = json::object())
    {
        auto made = std::make_unique<NodeAgent>(
            "servers.mjs",
            std::vector<std::string>{ws("/ws/agents"), id, token(id, "agent"), options.dump()});
        made->wait("open");
        EXPECT_TRUE(wait_for([&] { return online(id); }));
        // The list makes it known that it offers servers.
        EXPECT_EQ(ask("GET", "/api/agents/" + id + "/servers").status, 200);
        return made;
    }
    static json egg(const std::string& id, const json& more = json::object())
    {
        json config{{"name", "game"},
                    {"image", "ghcr.io/x/y:1"},
                    {"limits", {{"memory", "1024m"}, {"cpu", "1"}}},
                    {"startup", "./run"}};
        config.update(more);
        return {{"serverId", id}, {"eggConfig", config}};
    }
    json listed(const std::string& id)
    {
        const json list = ask("GET", "/api/servers").json;
        for (const json& server : list["servers"])
            if (server["serverId"] == id) return server;
        return {};
    }
    bool becomes(const std::string& id, const std::string& status)
    {
        return wait_for([&] {
            const json server = listed(id);
            return server.is_object() && server.value("status", "") == status;
        });
    }
    void running(const std::string& agent, const std::string& id)
    {
        ASSERT_EQ(ask("POST", "/api/agents/" + agent + "/servers", egg(id)).status, 200);
        ASSERT_TRUE(becomes(id, "offline"));
        ASSERT_EQ(ask("POST", server(agent, id) + "/power", {{"action", "start"}}).status, 200);
        ASSERT_TRUE(becomes(id, "running"));
    }
    static std::string server(const std::string& agent, const std::string& id)
    {
        return "/api/agents/" + agent + "/servers/" + id;
    }
    Ran cli(std::vector<std::string> words, std::string input = {})
    {
        std::vector<std::string> argv{program("agenthost").string(), "hub", "server"};
        argv.insert(argv.end(), words.begin(), words.end());
        argv.insert(argv.end(), {"--control", daemon_->control()});
        return run(argv, {}, std::move(input));
    }
};

TEST_F(HubServers, EveryRouteWorksOnAnIndependentAgent)
{
    start();
    const auto n1 = node("n1");
    running("n1", "mc1");
    const std::string one = server("n1", "mc1");
    const auto status = ask("GET", one);
    EXPECT_EQ(status.json["status"], "running");
    EXPECT_EQ(status.json["containerId"], "c-mc1");
    EXPECT_EQ(status.json["players"]["online"], 1);
    EXPECT_EQ(ask("POST", one + "/command", {{"command", "say hi"}}).status, 200);
    const json logs = ask("GET", one + "/logs?tail=10").json;
    EXPECT_EQ(logs["lines"].back()["message"], "> say hi");
    EXPECT_EQ(ask("GET", one + "/logs?offset=1&limit=1").json["lines"].size(), 1U);

    write_file(dir_ / "up", std::string("\0\1\xff text", 8));
    EXPECT_EQ(curl({"-T", (dir_ / "up").string(), url_ + one + "/files/content?path=/a%20b"}).status, 200);
    EXPECT_EQ(curl({url_ + one + "/files/content?path=/a%20b"}).body, std::string("\0\1\xff text", 8));
    const auto head = curl({"-I", url_ + one + "/files/content?path=/a%20b"});
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.headers.at("content-length"), "8");
    EXPECT_EQ(head.headers.at("x-file-size"), "8");
    EXPECT_EQ(ask("GET", one + "/files").json["files"].size(), 2U);
    EXPECT_EQ(ask("POST", one + "/files/copy", {{"from", "/a b"}, {"to", "/c"}}).status, 200);
    EXPECT_EQ(ask("POST", one + "/files/rename", {{"from", "/c"}, {"to", "/d"}}).status, 200);
    EXPECT_EQ(ask("POST", one + "/files/chmod", {{"path", "/d"}, {"mode", "0755"}}).json["mode"], "0755");
    EXPECT_EQ(ask("POST", one + "/files/mkdir", {{"path", "/p"}}).status, 200);
    EXPECT_EQ(ask("POST", one + "/files/archive", {{"files", {"/d"}}, {"target", "/d.zip"}}).json["entries"],
              1);
    EXPECT_EQ(ask("POST", one + "/files/extract", {{"path", "/d.zip"}}).status, 200);
    EXPECT_EQ(ask("DELETE", one + "/files?path=/d").status, 200);
    const auto gone = ask("GET", one + "/files/content?path=/d");
    EXPECT_EQ(gone.status, 404);
    EXPECT_EQ(gone.json["error"]["code"], "FILE_NOT_FOUND");

    for (const char* action : {"restart", "stop", "kill"})
        EXPECT_EQ(ask("POST", one + "/power", {{"action", action}}).status, 200) << action;
    EXPECT_EQ(curl({"-X", "POST", url_ + one + "/reinstall"}).json["status"], "installing");
    EXPECT_EQ(ask("DELETE", one).status, 200);
    EXPECT_EQ(ask("GET", one).json["error"]["code"], "SERVER_NOT_FOUND");
    EXPECT_EQ(ask("GET", "/api/servers").json["total"], 0);
    EXPECT_TRUE(n1->said("twice").empty());
}

TEST_F(HubServers, EveryErrorCodeKeepsItsStatusAndHasARemedy)
{
    start();
    const auto n1 = node("n1", {{"busyPorts", {22}}, {"memory", "2g"}});
    const std::pair<const char*, int> codes[] = {
        {"SERVER_NOT_FOUND", 404},  {"CONTAINER_NOT_FOUND", 404}, {"INSUFFICIENT_RESOURCES", 507},
        {"PERMISSION_DENIED", 403}, {"DOCKER_ERROR", 502},        {"CONFIG_INVALID", 422},
        {"PORT_CONFLICT", 409},     {"AUTH_FAILED", 401}};
    for (const auto& [code, http] : codes) {
        const auto answer =
            ask("POST", server("n1", std::string{"err-"} + code) + "/power", {{"action", "start"}});
        EXPECT_EQ(answer.status, http) << code;
        EXPECT_EQ(answer.json["error"]["code"], code);
        EXPECT_EQ(answer.json["error"]["message"], "as asked for");
        EXPECT_FALSE(answer.json["error"].value("remedy", "").empty()) << code;
    }
    const auto port = ask("POST", "/api/agents/n1/servers", egg("p", {{"ports", {{"22", 22}}}}));
    EXPECT_EQ(port.status, 409);
    EXPECT_THAT(port.json["error"]["message"].get<std::string>(), HasSubstr("sshd"));
    EXPECT_EQ(ask("POST", "/api/agents/n1/servers", egg("m", {{"limits", {{"memory", "9g"}}}})).status, 507);
    EXPECT_EQ(ask("POST", "/api/agents/nobody/servers", egg("x")).status, 404);
    n1->process().signal(SIGKILL);
    ASSERT_TRUE(wait_for([&] { return !online("n1"); }));
    const auto offline = ask("GET", server("n1", "x"));
    EXPECT_EQ(offline.status, 503);
    EXPECT_EQ(offline.json["error"]["code"], "AGENT_OFFLINE");
    EXPECT_FALSE(offline.json["error"]["remedy"].get<std::string>().empty());
}

TEST_F(HubServers, PlacesServersOnTheLeastLoadedAgentThatFits)
{
    start();
    const auto n1 = node("n1", {{"memory", "3g"}, {"cores", 16}}),
               n2 = node("n2", {{"memory", "6g"}, {"cores", 16}});
    const auto first = ask("POST", "/api/servers", egg("a"));
    ASSERT_EQ(first.status, 200) << first.body;
    EXPECT_EQ(first.json["agent"], "n2");
    EXPECT_THAT(first.json["why"].get<std::string>(), HasSubstr("least loaded of 2"));
    EXPECT_EQ(first.json["data"]["status"], "installing");
    std::map<std::string, int> on{{"n2", 1}};
    for (int i = 0; i < 8; ++i) {
        const auto placed = ask("POST", "/api/servers", egg("s" + std::to_string(i)));
        ASSERT_EQ(placed.status, 200) << placed.body;
        ++on[placed.json["agent"]];
    }
    EXPECT_EQ(on, (std::map<std::string, int>{{"n1", 3}, {"n2", 6}})) << "full, and evenly filled";
    const auto full = ask("POST", "/api/servers", egg("z"));
    EXPECT_EQ(full.status, 507);
    EXPECT_EQ(full.json["refused"].size(), 2U);
    EXPECT_EQ(ask("POST", "/api/servers", egg("a")).status, 409);
    EXPECT_EQ(ask("GET", "/api/servers?agent=n1").json["total"], 3);
    EXPECT_EQ(ask("GET", "/api/servers?limit=4").json["servers"].size(), 4U);
    const auto metrics = ask("GET", "/api/servers/metrics");
    EXPECT_THAT(metrics.body, HasSubstr("agenthost_hub_server_known 9"));
}

TEST_F(HubServers, AReconnectInTheMiddleRunsNothingTwiceAndLosesNothing)
{
    start();
    const auto n1 = node("n1", {{"journal", true}});
    running("n1", "mc1");
    const auto dropped = ask("POST", server("n1", "mc1") + "/command?timeout=60", {{"command", "drop"}});
    EXPECT_EQ(dropped.status, 200) << dropped.body << " the repeat is answered by the agent's journal";
    EXPECT_EQ(n1->said("open").size(), 2U);
    EXPECT_TRUE(n1->said("twice").empty());
    EXPECT_EQ(listed("mc1")["status"], "running");
    EXPECT_EQ(ask("POST", server("n1", "mc1") + "/command", {{"command", "x"}}).status, 200);
}

TEST_F(HubServers, WhatServersShouldDoSurvivesTheHub)
{
    start();
    const auto n1 = node("n1");
    running("n1", "mc1");
    // Answered once everything before it is on disk.
    ASSERT_EQ(ask("POST", server("n1", "mc1") + "/command?timeout=0", {{"command", "x"}}).status, 202);
    daemon_->kill9();
    restart();
    const json server = listed("mc1");
    EXPECT_EQ(server["desired"], "running");
    EXPECT_EQ(server["agentStatus"], "offline");
    EXPECT_EQ(server["healthy"], false);
}

TEST_F(HubServers, TwoHundredDashboardsHearEveryLineOrHowManyTheyMissed)
{
    start(", per_address: 500");
    const auto n1 = node("n1");
    running("n1", "mc1");
    NodeAgent crowd{"feed_dashboards.mjs",
                    {ws("/ws/dashboard"), token("ops", "dashboard"), "200", "20", "n1", "1501"}};
    ASSERT_EQ(crowd.wait("ready"), 200);
    EXPECT_EQ(ask("POST", server("n1", "mc1") + "/command", {{"command", "flood 1500"}}).status, 200);
    const json done = crowd.wait("done");
    EXPECT_EQ(done["disorder"], 0);
    EXPECT_EQ(done["exact"], true) << "each line was heard, or counted as missed: " << done;
    EXPECT_GE(done["got"], 500);
    crowd.process().signal(SIGUSR2);
    const json all = crowd.wait("all");
    EXPECT_EQ(all["disorder"], 0);
    EXPECT_EQ(all["exact"], true) << all;
    EXPECT_TRUE(crowd.said("closed").empty()) << "nobody was disconnected";
}

TEST_F(HubServers, TheCommandLineManagesServers)
{
    start();
    const auto n1 = node("n1"), n2 = node("n2", {{"memory", "1g"}});
    Ran ran = cli(
        {"create", "mc1", "--image", "ghcr.io/x/y:1", "--port", "25565:25565", "--memory", "1g", "--start"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("server mc1 is on agent n1: "));
    ASSERT_TRUE(becomes("mc1", "running"));
    EXPECT_EQ(listed("mc1")["desired"], "running");
    ran = cli({"list"});
    EXPECT_THAT(ran.out, HasSubstr("AGENT  SERVER  STATUS"));
    EXPECT_THAT(ran.out, HasSubstr("n1     mc1     running"));
    EXPECT_EQ(json::parse(cli({"list", "--json"}).out)["servers"].size(), 1U);
    EXPECT_THAT(cli({"status", "n1/mc1"}).out, HasSubstr("containerId: c-mc1"));
    EXPECT_EQ(cli({"console", "mc1", "-c", "say hi"}).code, 0);
    EXPECT_THAT(cli({"logs", "mc1", "--tail", "1"}).out, "> say hi\n");
    ran = cli({"console", "mc1"}, "one\ntwo\n");
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("> one\n> two\n"));
    write_file(dir_ / "local", "content");
    EXPECT_EQ(cli({"files", "put", "mc1", (dir_ / "local").string(), "/f.txt"}).code, 0);
    EXPECT_EQ(cli({"files", "get", "mc1", "/f.txt"}).out, "content");
    EXPECT_THAT(cli({"files", "ls", "mc1"}).out, HasSubstr("f.txt\n"));
    EXPECT_EQ(cli({"files", "mv", "mc1", "/f.txt", "/g.txt"}).code, 0);
    EXPECT_EQ(cli({"files", "rm", "mc1", "/g.txt"}).code, 0);
    ran = cli({"files", "get", "mc1", "/g.txt"});
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.err, HasSubstr("(FILE_NOT_FOUND)"));
    EXPECT_EQ(cli({"restart", "mc1"}).out, "mc1: running\n") << "it waits for the result";
    EXPECT_EQ(cli({"stop", "mc1"}).out, "mc1: offline\n");
    EXPECT_EQ(cli({"start", "mc1", "--no-wait"}).out, "mc1: starting\n");
    ASSERT_TRUE(becomes("mc1", "running"));
    for (const char* verb : {"restart", "stop", "start", "kill", "reinstall", "delete"})
        EXPECT_EQ(cli({verb, "mc1"}).code, 0) << verb;
    ran = cli({"start", "mc1"});
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.err, HasSubstr("agenthost hub server list"));
    ran = cli({"create", "big", "--image", "i", "--memory", "100g"});
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.err, HasSubstr("INSUFFICIENT_RESOURCES"));
    EXPECT_THAT(ran.err, HasSubstr("n1: it needs 100GiB of memory"));
    EXPECT_EQ(cli({"explode", "mc1"}).code, 2);
    EXPECT_EQ(cli({"create", "x"}).code, 2);
    EXPECT_EQ(cli({"logs"}).code, 2);
}

TEST_F(HubServers, FollowingAConsoleHasNoGapAndNoRepeatAcrossAReconnect)
{
    start();
    const auto n1 = node("n1", {{"journal", true}});
    running("n1", "mc1");
    Process follow{{.argv = {program("agenthost").string(), "hub", "server", "logs", "mc1", "-f", "--control",
                             daemon_->control()}}};
    ASSERT_TRUE(wait_for([&] { return follow.out().find("Done\n") != std::string::npos; })) << follow.err();
    const auto type = [&](const std::string& line) {
        return ask("POST", server("n1", "mc1") + "/command?timeout=60", {{"command", line}}).status;
    };
    EXPECT_EQ(type("flood 300"), 200);
    EXPECT_EQ(type("drop"), 200);
    EXPECT_EQ(type("flood 2000"), 200);
    EXPECT_EQ(type("last"), 200);
    ASSERT_TRUE(wait_for([&] { return follow.out().ends_with("> last\n"); })) << follow.err();
    std::string expected = "Done\n> flood 300\n";
    for (int i = 0; i < 300; ++i) expected += "line " + std::to_string(i) + "\n";
    expected += "> flood 2000\n";
    for (int i = 0; i < 2000; ++i) expected += "line " + std::to_string(i) + "\n";
    EXPECT_EQ(follow.out(), expected + "> last\n");
}

} // namespace
