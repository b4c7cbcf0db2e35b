// The hub's end of every protocol, with agents in node that were written from the documents alone.
#include "fixture.hpp"

#include "tests/unit/hub/node_jwt.hpp"

#include <ctime>

using namespace agenthost::test;
using agenthost::hub_test::node_sign;
using nlohmann::json;
using ::testing::Test;

namespace {

const std::string enroll = "enroll-token-of-this-test";

class HubProtocols : public HubDaemon {
protected:
    void start(const std::string& more = {})
    {
        write_file(dir_ / "jwt", jwt_secret, 0600);
        write_file(dir_ / "enroll", enroll, 0600);
        boot("jwt_secret: {file: '" + (dir_ / "jwt").string() + "'}, enroll_token: {file: '" +
             (dir_ / "enroll").string() + "'}" + (more.empty() ? "" : ", " + more));
    }
    std::string ws(const std::string& path) const { return "ws" + url_.substr(4) + path; }
    static std::string token(const std::string& sub, const std::string& role = "agent", int lives = 600)
    {
        const auto now = static_cast<std::int64_t>(std::time(nullptr));
        return node_sign(
            "HS256", jwt_secret,
            {{"sub", sub}, {"role", role}, {"iat", now - 5}, {"exp", now + lives}, {"jti", sub + role}});
    }
    static std::unique_ptr<NodeAgent> node(const std::string& script, std::vector<std::string> args)
    {
        return std::make_unique<NodeAgent>(script, std::move(args));
    }
    std::unique_ptr<NodeAgent> panel(const std::string& id, const std::string& jwt)
    {
        return node("panel.mjs", {ws("/ws/agents"), id, jwt});
    }
    std::unique_ptr<NodeAgent> print(const std::string& shop, const std::string& secret = {})
    {
        return node("print.mjs", {ws("/print-agent"), shop, secret});
    }
    std::unique_ptr<NodeAgent> signed_agent(const std::string& id, const std::string& secret,
                                            std::vector<std::string> mode = {})
    {
        mode.insert(mode.begin(), {ws("/agent"), id, secret});
        return node("signed.mjs", mode);
    }
    std::unique_ptr<NodeAgent> dashboard(const std::string& id, const std::string& jwt)
    {
        return node("dashboard.mjs", {ws("/ws/agent"), jwt, id});
    }
    // The line of the script that only asks and ends.
    json panel_says(std::vector<std::string> args)
    {
        auto asked = node("panel.mjs", std::move(args));
        json found;
        EXPECT_TRUE(wait_for([&] {
            found = json::parse(asked->process().out(), nullptr, false);
            return found.is_object();
        })) << asked->process().err();
        return found;
    }
    bool speaks(const std::string& id, const std::string& protocol)
    {
        return wait_for([&] {
            const json agent = ask("GET", "/api/agents/" + id).json;
            return agent.value("status", "") == "online" && agent.value("protocol", "") == protocol;
        });
    }
    json cli(std::vector<std::string> words)
    {
        std::vector<std::string> argv{program("agenthost").string(), "hub", "--json", "--control",
                                      daemon_->control()};
        argv.insert(argv.end(), words.begin(), words.end());
        const Ran ran = run(argv);
        EXPECT_EQ(ran.code, 0) << ran.err;
        return json::parse(ran.out, nullptr, false);
    }
};

TEST_F(HubProtocols, APanelAgentRegistersConnectsWorksAndRenews)
{
    start();
    const json made = panel_says({"register", url_, enroll, "node-01"});
    ASSERT_EQ(made["status"], 200) << made;
    const json agent = made["body"]["agent"];
    EXPECT_EQ(agent["websocketUrl"], ws("/ws/agents"));
    const std::string id = agent["id"];
    const auto p = panel(id, agent["token"]);
    p->wait("open");
    ASSERT_TRUE(speaks(id, "panel"));
    const auto started = ask("POST", "/api/agents/" + id + "/commands",
                             {{"action", "start_server"}, {"params", {{"serverId", "server_123"}}}});
    ASSERT_EQ(started.status, 200) << started.body;
    EXPECT_EQ(started.json["data"]["status"], "starting");
    const json command = p->wait("command");
    EXPECT_EQ(command["action"], "start_server");
    EXPECT_EQ(command["type"], "command");
    EXPECT_EQ(command["agentId"], id);
    EXPECT_EQ(command["id"], started.json["id"]);
    const auto stopped = ask("POST", "/api/agents/" + id + "/commands",
                             {{"action", "docker.stop_server"}, {"params", {{"serverId", "server_123"}}}});
    EXPECT_EQ(stopped.status, 404) << stopped.body;
    EXPECT_EQ(stopped.json["error"]["code"], "CONTAINER_NOT_FOUND");

    const json renewed = panel_says({"refresh", url_, agent["refreshToken"]});
    EXPECT_EQ(renewed["status"], 200) << renewed;
    const auto again = panel(id, renewed["body"]["agent"]["token"]);
    again->wait("open");
    EXPECT_EQ(panel_says({"refresh", url_, agent["refreshToken"]})["status"], 401) << "an old one";
    EXPECT_EQ(p->wait("closed"), 1000) << "the newer session takes over";
    EXPECT_TRUE(speaks(id, "panel"));
}

TEST_F(HubProtocols, ClosesANewcomerOfAnIdentityInConflictWithTheReason)
{
    start();
    std::vector<std::unique_ptr<NodeAgent>> clones;
    for (int i = 0; i < 5; ++i) { // four takeovers
        clones.push_back(panel("p1", token("p1")));
        clones.back()->wait("open");
        if (i > 0) {
            EXPECT_EQ(clones[clones.size() - 2]->wait("closed"), 1000);
        }
    }
    EXPECT_EQ(panel("p1", token("p1"))->wait("closed"), 1013);
    EXPECT_TRUE(clones.back()->said("closed").empty()) << "the connected one goes on";
    const json agent = ask("GET", "/api/agents/p1").json;
    EXPECT_EQ(agent["conflict"]["takeovers"], 4) << agent;
    EXPECT_EQ(agent["conflict"]["refused"], 1);
    EXPECT_EQ(ask("GET", "/api/agents/p1/health").json["health"], "degraded");
}

TEST_F(HubProtocols, PanelAgentsArePinged)
{
    start("ping_interval: 1s");
    const auto p = panel("p1", token("p1"));
    const json ping = p->wait("ping");
    EXPECT_NE(ping["id"], "");
    EXPECT_NE(p->wait("ping", 1)["id"], ping["id"]);
    EXPECT_TRUE(p->said("closed").empty());
}

TEST_F(HubProtocols, BadTokensAreRefusedBeforeThe101)
{
    start();
    for (const std::string& bad :
         {token("p1", "agent", -60), token("p2"), token("p1", "dashboard"), std::string{"junk"}}) {
        const auto p = panel("p1", bad);
        EXPECT_EQ(p->wait("refused"), 401) << bad;
        EXPECT_EQ(p->wait("body")["error"]["code"], "AUTH_FAILED");
    }
    for (const std::string& bad : {token("d1", "agent", -60), token("d1", "admin"), std::string{"junk"}}) {
        const auto d = dashboard("d1", bad);
        EXPECT_EQ(d->wait("refused"), 401) << bad;
        EXPECT_EQ(d->wait("body")["error"]["code"], "AUTH_FAILED");
    }
    EXPECT_EQ(dashboard("d1", token("d2"))->wait("closed"), 1008) << "another agent than the token's";
    EXPECT_EQ(print("n1")->wait("refused"), 401);
    EXPECT_EQ(print("n1", "wrong")->wait("refused"), 401);
    EXPECT_EQ(print("stranger")->wait("refused"), 401);
    EXPECT_EQ(print("stranger", "-")->wait("closed"), 1008) << "without headers, at register";
    EXPECT_EQ(ask("GET", "/api/agents").json["agents"], json::array());
}

TEST_F(HubProtocols, APrintShopIsAcknowledgedAndPrints)
{
    start("trust_shop_id: true");
    const auto shop = print("n1", "secret-of-n1");
    EXPECT_EQ(shop->wait("ack")["id"], "reg-1");
    EXPECT_EQ(shop->wait("ack", 1)["id"], "beat-1");
    const auto printed = command("n1", "task_print", {{"data", "aGVsbG8="}, {"encoding", "base64"}});
    EXPECT_EQ(printed.status, 200) << printed.body;
    EXPECT_EQ(printed.json["data"]["bytesSent"], 5) << printed.body;
    EXPECT_EQ(shop->wait("task_print")["payload"]["shopId"], "n1");
    const auto ping = command("n1", "host.ping");
    EXPECT_EQ(ping.status, 200) << ping.body;
    EXPECT_EQ(shop->wait("task_ping")["type"], "task_ping");
    const auto trusted = print("corner", "-");
    EXPECT_EQ(trusted->wait("ack")["type"], "ack");
    EXPECT_TRUE(speaks("corner", "print"));
}

TEST_F(HubProtocols, ASignedAgentIsAdmittedCommandedAndReplaysAreNot)
{
    start();
    const std::string saved = (dir_ / "captured").string();
    const auto agent = signed_agent("n1", "secret-of-n1", {"save", saved});
    EXPECT_NE(agent->wait("date").get<std::string>().find("GMT"), std::string::npos);
    ASSERT_TRUE(speaks("n1", "signed"));
    const auto pong = command("n1", "ping");
    EXPECT_EQ(pong.status, 200) << pong.body;
    EXPECT_EQ(pong.json["data"], "pong");
    EXPECT_EQ(agent->wait("genuine"), true) << "the hub signs what it asks";
    EXPECT_EQ(command("n1", "telemetry.version", {{"x", 1}}).json["data"]["args"], (json{{"x", 1}}));
    EXPECT_EQ(command("n1", "no.such").json["error"]["code"], "UNKNOWN_ACTION");

    const auto closed = [&](const std::string& id, const std::string& secret, std::vector<std::string> mode) {
        const auto a = signed_agent(id, secret, std::move(mode));
        return std::to_string(a->wait("closed").get<int>()) + " " + a->wait("reason").get<std::string>();
    };
    EXPECT_EQ(closed("n1", "wrong-secret", {}), "1008 invalid_signature");
    EXPECT_EQ(closed("n1", "secret-of-n1", {"forged"}), "1008 invalid_signature");
    EXPECT_EQ(closed("nobody", "secret-of-n1", {}), "1008 unknown_agent");
    EXPECT_EQ(closed("n1", "secret-of-n1", {"skew", "-310000"}), "1008 invalid_timestamp");
    EXPECT_EQ(closed("n1", "secret-of-n1", {"plain"}), "1008 the first frame must be a signed auth frame");
    EXPECT_EQ(closed("n1", "secret-of-n1", {"replay", saved}).substr(0, 4), "1008");
    EXPECT_TRUE(online("n1"));
    EXPECT_TRUE(agent->said("closed").empty()) << "none of them took it over";
    restart();
    EXPECT_EQ(closed("n1", "secret-of-n1", {"replay", saved}).substr(0, 4), "1008") << "after a restart";
    EXPECT_FALSE(online("n1"));
    EXPECT_EQ(closed("n1", "secret-of-n1", {"silent"}), "1008 auth_timeout");
}

TEST_F(HubProtocols, ADashboardAgentRunsCommandsAndItsHeartbeatIsEchoed)
{
    start();
    const auto desk = dashboard("d1", token("d1"));
    EXPECT_NE(desk->wait("connection:ack")["payload"]["connectionId"], "");
    EXPECT_EQ(desk->wait("heartbeat")["payload"]["sequence"], 1);
    const auto ran = command("d1", "terminal.run", {{"command", "ls -la"}});
    EXPECT_EQ(ran.status, 200) << ran.body;
    EXPECT_EQ(ran.json["data"]["exit_code"], 0) << ran.body;
    const json asked = desk->wait("command:request");
    EXPECT_EQ(asked["payload"]["command"], "ls -la");
    EXPECT_EQ(asked["version"], "1.0.0");
    EXPECT_EQ(command("d1", "no.such").json["error"]["code"], "UNKNOWN_ACTION");
}

TEST_F(HubProtocols, AllowsOneSessionPerAgentAcrossProtocols)
{
    start();
    const auto storage = agent("n1");
    const auto shop = print("n1", "secret-of-n1");
    shop->wait("ack");
    EXPECT_EQ(storage->wait("closed"), 1000);
    const auto signed_one = signed_agent("n1", "secret-of-n1");
    EXPECT_EQ(shop->wait("closed"), 1000);
    ASSERT_TRUE(speaks("n1", "signed"));
    const auto desk = dashboard("n1", token("n1"));
    desk->wait("connection:ack");
    EXPECT_EQ(signed_one->wait("closed"), 1000);
    const auto p = panel("n1", token("n1"));
    EXPECT_EQ(desk->wait("closed"), 1000);
    ASSERT_TRUE(speaks("n1", "panel"));
    EXPECT_EQ(ask("GET", "/api/agents").json["agents"].size(), 1U);
}

TEST_F(HubProtocols, RevokingAnAgentEndsItsSessionOverEveryProtocol)
{
    start();
    const json minted = cli({"agent", "add", "d1", "--protocol", "dashboard", "--expires", "1h"});
    const auto desk = dashboard("d1", minted["token"]);
    desk->wait("connection:ack");
    const json registered = panel_says({"register", url_, enroll, "node-02"})["body"]["agent"];
    const std::string id = registered["id"];
    const auto p = panel(id, registered["token"]);
    p->wait("open");
    const json secret = cli({"agent", "add", "s1", "--protocol", "signed"});
    const auto signed_one = signed_agent("s1", secret["secret"]);
    ASSERT_TRUE(speaks("s1", "signed") && speaks("d1", "dashboard") && speaks(id, "panel"));
    for (const auto& [name, of] : {std::pair{std::string{"d1"}, desk.get()}, std::pair{id, p.get()},
                                   std::pair{std::string{"s1"}, signed_one.get()}}) {
        cli({"agent", "revoke", name});
        EXPECT_EQ(of->wait("closed"), 1008) << name;
    }
    EXPECT_EQ(desk->wait("error")["payload"]["code"], "AUTH_FAILED");
    EXPECT_EQ(dashboard("d1", minted["token"])->wait("refused"), 401);
    EXPECT_EQ(panel(id, registered["token"])->wait("refused"), 401);
    EXPECT_EQ(panel_says({"refresh", url_, registered["refreshToken"]})["status"], 401);
    EXPECT_EQ(signed_agent("s1", secret["secret"])->wait("closed"), 1008);
}

TEST_F(HubProtocols, PagesOfOtherOriginsAreRefused)
{
    start("allow_origins: ['https://desk.example.com']");
    const auto with = [&](const std::string& origin, const std::string& path) {
        return curl({"-H", "Origin: " + origin, url_ + path}).status;
    };
    EXPECT_EQ(with("https://evil.example", "/api/agents"), 403);
    EXPECT_EQ(with("https://desk.example.com", "/api/agents"), 200);
    EXPECT_EQ(with(url_, "/api/agents"), 200);
    const auto upgrade = [&](const std::string& origin, const std::string& path) {
        return curl({"--http1.1", "-m", "5", "-H", "Origin: " + origin, "-H", "Connection: Upgrade", "-H",
                     "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13", "-H",
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", url_ + path},
                    false)
            .status;
    };
    for (const char* path : {"/ws/storage", "/ws/agents", "/ws/agent", "/print-agent", "/agent"})
        EXPECT_EQ(upgrade("https://evil.example", path), 403) << path;
    EXPECT_EQ(upgrade("https://desk.example.com", "/ws/agents"), 401) << "a page that may, without a token";
}

TEST_F(HubProtocols, TokensWithARoleAreMintedListedAndRevokedOnTheCommandLine)
{
    start();
    const auto n1 = agent("n1");
    const auto n2 = agent("n2");
    const json made =
        cli({"token", "new", "desk", "--role", "dashboard", "--agents", "n1,n3", "--expires=2h"});
    const auto status_of = [&](const std::string& id) {
        return curl({"-H", "Authorization: Bearer " + made["token"].get<std::string>(),
                     url_ + "/api/agents/" + id},
                    false)
            .status;
    };
    EXPECT_EQ(status_of("n1"), 200);
    EXPECT_EQ(status_of("n2"), 404);
    const json list = cli({"token", "list"})["tokens"];
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0]["agents"], (json{"n1", "n3"}));
    cli({"token", "revoke", made["id"]});
    EXPECT_EQ(status_of("n1"), 401);
    restart();
    EXPECT_EQ(status_of("n1"), 401);
}

TEST_F(HubProtocols, NoSecretReachesTheDaemonsLog)
{
    start();
    const std::string good = token("d1"), bad = token("d1", "agent", -60);
    const auto desk = dashboard("d1", good);
    desk->wait("connection:ack");
    EXPECT_EQ(dashboard("d1", bad)->wait("refused"), 401);
    EXPECT_EQ(print("n1", "a-wrong-secret")->wait("refused"), 401);
    const auto signed_one = signed_agent("n1", "secret-of-n1");
    ASSERT_TRUE(speaks("n1", "signed"));
    const json registered = panel_says({"register", url_, enroll, "node-01"})["body"]["agent"];
    const std::string log = daemon_->log();
    for (const std::string& secret :
         {good, bad, jwt_secret, enroll, token_, std::string{"a-wrong-secret"}, std::string{"secret-of-n1"},
          registered["token"].get<std::string>(), registered["refreshToken"].get<std::string>()})
        EXPECT_EQ(log.find(secret), std::string::npos) << secret.substr(0, 12);
}

} // namespace
