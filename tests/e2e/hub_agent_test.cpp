// A file travels: REST -> hub -> agent -> storage plugin and back, over real sockets, plain and TLS,
// in-process and in a runner.
#include "../support/connect_proxy.hpp"
#include "hub.hpp"

#include <csignal>
#include <gtest/gtest.h>

using namespace agenthost::test;

namespace {

struct Way {
    std::string name;
    bool tls;
    std::string plugin_extra;
};

class FileTravels : public ::testing::TestWithParam<Way> {};

TEST_P(FileTravels, UploadsDownloadsAndDeletesAFile)
{
    Hub hub{GetParam().tls};
    TempDir dir;
    const auto secret = hub.add_agent("node-01");
    Daemon agent{{.yaml = agent_yaml(hub, dir / "a", secret, GetParam().plugin_extra)}};
    ASSERT_TRUE(agent.wait_ready()) << agent.log();
    ASSERT_TRUE(wait_for([&] { return hub.online("node-01"); })) << agent.log();

    const auto content = random_bytes(5 << 20, 1);
    write_file(dir / "up", content);
    const auto up = hub.put_file("node-01", "f1", dir / "up");
    ASSERT_EQ(up.status / 100, 2) << up.body << agent.log();
    EXPECT_NE(up.body.find(sha256_hex(content)), std::string::npos) << up.body;

    const auto info = hub.request("POST", "/api/agents/node-01/commands", R"({"action":"info"})");
    ASSERT_EQ(info.status, 200) << info.body;
    EXPECT_NE(info.body.find("\"files\":1"), std::string::npos) << info.body;
    EXPECT_NE(info.body.find("\"agent_id\":\"node-01\""), std::string::npos) << info.body;
    const auto named =
        hub.request("POST", "/api/agents/node-01/commands", R"({"action":"storage.list","params":{}})");
    EXPECT_EQ(named.status, 200) << named.body;
    EXPECT_NE(named.body.find("f1"), std::string::npos) << named.body;

    const auto head = hub.head_of_file("node-01", "f1");
    EXPECT_EQ(head.status, 200) << head.body;
    EXPECT_NE(head.body.find("Content-Length: 5242880"), std::string::npos) << head.body;
    EXPECT_NE(head.body.find("\"" + sha256_hex(content) + "\""), std::string::npos) << "its ETag";
    EXPECT_EQ(hub.head_of_file("node-01", "f2").status, 404);

    const auto down = hub.get_file("node-01", "f1", dir / "down");
    ASSERT_EQ(down.status, 200) << agent.log();
    EXPECT_EQ(sha256_hex(read_file(dir / "down")), sha256_hex(content));

    EXPECT_EQ(hub.request("DELETE", "/api/agents/node-01/files/f1").status / 100, 2);
    EXPECT_EQ(hub.get_file("node-01", "f1", dir / "gone").status, 404);

    // Nothing secret in any log.
    for (const auto& log : {agent.log(), hub.daemon().log()}) {
        EXPECT_EQ(log.find(secret), std::string::npos);
        EXPECT_EQ(log.find(hub.admin_token()), std::string::npos);
    }
    EXPECT_EQ(agent.stop(), 0) << agent.log();
    ASSERT_TRUE(wait_for([&] { return !hub.online("node-01"); }));
    const auto away = hub.request("POST", "/api/agents/node-01/commands", R"({"action":"info"})");
    EXPECT_EQ(away.status, 503) << away.body;
    EXPECT_NE(away.body.find("AGENT_OFFLINE"), std::string::npos);
    EXPECT_EQ(hub.daemon().stop(), 0) << hub.daemon().log();
}

INSTANTIATE_TEST_SUITE_P(Ways, FileTravels,
                         ::testing::Values(Way{"Plain", false, ""}, Way{"Tls", true, ""},
                                           Way{"TlsIsolated", true, ", isolation: process"}),
                         [](const auto& info) { return info.param.name; });

class BehindAProxy : public ::testing::TestWithParam<const char*> {};

// Session and files go through a proxy with a password, to a hub that allow_hosts and allow_private_networks
// would not admit.
TEST_P(BehindAProxy, AnAgentFetchesAndSendsFiles)
{
    Hub hub{true};
    const ConnectProxy proxy{"me:proxy-secret"};
    TempDir dir;
    const auto secret = hub.add_agent("node-01");
    write_file(dir / "credential", secret + "\n");
    const std::string host = hub.url().substr(hub.url().find("://") + 3);
    Daemon agent{
        {.yaml =
             "servers: [{name: hub, protocol: storage, url: '" + hub.websocket() + "', credential: {file: '" +
             (dir / "credential").string() + "'}, proxy: '" + proxy.url("me:proxy-secret") +
             "', tls: {ca: '" + hub.ca() +
             "'}}]\nplugins:\n  storage: {enabled: true, isolation: " + GetParam() +
             ", config: {storage_path: '{dir}/files', reserve_free: 1MiB, allow_hosts: [files.example]}}\n"}};
    ASSERT_TRUE(agent.wait_ready()) << agent.log();
    ASSERT_TRUE(wait_for([&] { return hub.online("node-01"); })) << agent.log();
    const auto tunnels = [&] { return proxy.count("open " + host); };
    const int before = tunnels();
    EXPECT_GE(before, 1);
    const auto content = random_bytes(1 << 20, 2);
    write_file(dir / "up", content);
    const auto up = hub.put_file("node-01", "f1", dir / "up");
    ASSERT_EQ(up.status / 100, 2) << up.body << agent.log();
    ASSERT_EQ(hub.get_file("node-01", "f1", dir / "down").status, 200) << agent.log();
    EXPECT_EQ(sha256_hex(read_file(dir / "down")), sha256_hex(content));
    EXPECT_GE(tunnels(), before + 2);
    EXPECT_EQ(agent.log().find("proxy-secret"), std::string::npos);
    EXPECT_EQ(agent.stop(), 0) << agent.log();
}

INSTANTIATE_TEST_SUITE_P(Isolation, BehindAProxy, ::testing::Values("in-process", "process"),
                         [](const auto& info) {
                             return std::string{info.param} == "process" ? "Runner" : "InProcess";
                         });

TEST(HubAndAgent, AWrongCredentialIsRefusedAndRetriedSlowly)
{
    Hub hub{false};
    TempDir dir;
    hub.add_agent("node-01");
    Daemon agent{{.yaml = agent_yaml(hub, dir / "a", "not-the-secret")}};
    ASSERT_TRUE(agent.wait_ready()) << agent.log();
    ASSERT_TRUE(wait_for([&] { return agent.session_state("hub") == "waiting"; })) << agent.status().dump(1);
    EXPECT_FALSE(hub.online("node-01"));
    const auto status = agent.status();
    EXPECT_NE(status["servers"][0]["problem"].get<std::string>(), "") << status.dump(1);
    EXPECT_TRUE(wait_for([&] { return agent.log().find("refused our credential") != std::string::npos; }))
        << "an admin reads the log first:\n"
        << agent.log();
    EXPECT_EQ(agent.log().find("not-the-secret"), std::string::npos);
}

// A cloned machine has the identity of its original: each would take the session from the other, for ever.
TEST(HubAndAgent, ClonedMachinesReportTheContestedIdentity)
{
    Hub hub{false};
    TempDir dir;
    const auto secret = hub.add_agent("node-01");
    Daemon one{{.yaml = agent_yaml(hub, dir / "a", secret)}},
        two{{.yaml = agent_yaml(hub, dir / "b", secret)}};
    ASSERT_TRUE(one.wait_ready() && two.wait_ready()) << one.log() << two.log();
    const auto in_conflict = [](Daemon& daemon) {
        return daemon.status()["servers"][0]["contested"] == true;
    };
    ASSERT_TRUE(wait_for([&] { return in_conflict(one) || in_conflict(two); })) << one.log() << two.log();
    Daemon& aware = in_conflict(one) ? one : two;
    const std::string words = "another agent uses this agent's identity (node-01)";
    EXPECT_TRUE(wait_for([&] { return aware.log().find(words) != std::string::npos; })) << aware.log();
    const auto health = aware.cli({"health"});
    EXPECT_EQ(health.code, 1);
    EXPECT_NE(health.out.find(words), std::string::npos) << health.out;
}

TEST(HubAndAgent, AnUnknownCaIsNeverTrusted)
{
    Hub hub{true};
    TestCa other;
    TempDir dir;
    const auto secret = hub.add_agent("node-01");
    auto yaml = agent_yaml(hub, dir / "a", secret);
    for (auto at = yaml.find(hub.ca()); at != yaml.npos; at = yaml.find(hub.ca()))
        yaml.replace(at, hub.ca().size(), other.ca());
    Daemon agent{{.yaml = yaml}};
    ASSERT_TRUE(agent.wait_ready()) << agent.log();
    ASSERT_TRUE(wait_for([&] {
        const auto status = agent.status();
        return status.is_object() &&
               status["servers"][0]["problem"].get<std::string>().find("certificate") != std::string::npos;
    })) << agent.status().dump(1);
    EXPECT_FALSE(hub.online("node-01"));
}

TEST(HubAndAgent, ARevokedAgentIsDisconnected)
{
    Hub hub{false};
    TempDir dir;
    Daemon agent{{.yaml = agent_yaml(hub, dir / "a", hub.add_agent("node-01"))}};
    ASSERT_TRUE(agent.wait_ready()) << agent.log();
    ASSERT_TRUE(wait_for([&] { return hub.online("node-01"); })) << agent.log();
    const auto ran = hub.daemon().cli({"hub", "agent", "revoke", "node-01"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_TRUE(wait_for([&] { return !hub.online("node-01"); }));
    EXPECT_TRUE(wait_for([&] { return agent.session_state("hub") == "waiting"; }));
}

TEST(HubAndAgent, TheAgentReconnectsAfterTheHubRestarts)
{
    // The hub's port must stay, so it is chosen here.
    const int port = free_port();
    TempDir dir;
    write_file(dir / "admin-token", "an-admin-token\n");
    Daemon::Options options;
    options.id = "hub";
    options.dir = dir / "hub";
    options.yaml = "listeners: [{name: hub, bind: '127.0.0.1:" + std::to_string(port) +
                   "'}]\nplugins:\n  hub: {enabled: true, required: true, config: {listener: hub, "
                   "admin_token: {file: '" +
                   (dir / "admin-token").string() + "'}}}\n";
    auto hub = std::make_unique<Daemon>(options);
    ASSERT_TRUE(hub->wait_ready()) << hub->log();
    const auto minted = nlohmann::json::parse(hub->cli({"hub", "agent", "add", "node-01", "--json"}).out);
    write_file(dir / "credential", minted["secret"].get<std::string>());
    Daemon agent{{.yaml = "servers: [{name: hub, protocol: storage, url: 'ws://127.0.0.1:" +
                          std::to_string(port) + "/ws/storage', credential: {file: '" +
                          (dir / "credential").string() + "'}, reconnect: {initial: 50ms, max: 500ms}}]\n"}};
    ASSERT_TRUE(agent.wait_ready()) << agent.log();
    ASSERT_TRUE(wait_for([&] { return agent.session_state("hub") == "ready"; })) << agent.log();
    hub->kill9();
    ASSERT_TRUE(wait_for([&] { return agent.session_state("hub") != "ready"; }));
    hub = std::make_unique<Daemon>(options);
    ASSERT_TRUE(hub->wait_ready()) << hub->log();
    EXPECT_TRUE(wait_for([&] { return agent.session_state("hub") == "ready"; })) << agent.log();
}

} // namespace
