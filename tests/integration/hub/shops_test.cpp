// REST for print shops and signed agents, as a program in another language sees it: callers are curl, agents
// are node.
#include "fixture.hpp"

using namespace agenthost::test;
using nlohmann::json;

namespace {

class HubShops : public HubDaemon {
protected:
    std::string ws(const std::string& path) const { return "ws" + url_.substr(4) + path; }
    std::unique_ptr<NodeAgent> shop(const std::string& id)
    {
        return std::make_unique<NodeAgent>("print.mjs",
                                           std::vector{ws("/print-agent"), id, "secret-of-" + id});
    }
    json task(const std::string& shop, const std::string& word, const json& payload = json::object())
    {
        const auto made =
            ask("POST", "/api/agent-tasks", {{"shopId", shop}, {"command", word}, {"payload", payload}});
        EXPECT_EQ(made.status, 202) << made.body;
        return made.json;
    }
    json of(const json& made) { return ask("GET", "/api/agent-tasks/" + made.value("id", "")).json; }
    bool becomes(const json& made, const std::string& status)
    {
        return wait_for([&] { return of(made).value("status", "") == status; });
    }
    json beat(const std::string& shop)
    {
        const json all = ask("GET", "/api/agent-heartbeat").json["shops"];
        for (const json& one : all) {
            if (one["shopId"] == shop) return one;
        }
        return {};
    }
};

TEST_F(HubShops, ATaskSurvivesTheShopsSessionAndAHubRestart)
{
    boot();
    {
        const auto kitchen = shop("n1");
        ASSERT_TRUE(wait_for([&] { return online("n1"); }));
        const json printed = task("n1", "print", {{"data", "G0A="}, {"encoding", "base64"}});
        ASSERT_TRUE(becomes(printed, "success")) << of(printed);
        EXPECT_EQ(kitchen->wait("task_print")["id"], printed["id"]);
        EXPECT_EQ(of(printed)["message"], "Printed");
        EXPECT_EQ(of(printed)["meta"]["bytesSent"], 2);
        const json refused = task("n1", "config", {{"updates", {{"defaultPrinter", {{"vendorId", 1}}}}}});
        ASSERT_TRUE(becomes(refused, "error"));
        EXPECT_EQ(of(refused)["message"], "No such printer");
        ASSERT_TRUE(wait_for([&] { return beat("n1")["heartbeat"].is_object(); }));
        EXPECT_EQ(beat("n1")["heartbeat"]["devices"][0]["alias"], "Kitchen") << beat("n1");
        EXPECT_EQ(beat("n1")["status"], "online");
    }
    ASSERT_TRUE(wait_for([&] { return !online("n1"); }));
    const json waiting = task("n1", "ping");
    EXPECT_EQ(of(waiting)["status"], "pending");
    daemon_->kill9();
    restart();
    EXPECT_EQ(of(waiting)["status"], "pending") << "202 was a promise";
    EXPECT_EQ(beat("n1")["status"], "offline");
    EXPECT_EQ(beat("n1")["lastTask"]["message"], "No such printer") << beat("n1");
    const auto again = shop("n1");
    ASSERT_TRUE(becomes(waiting, "success")) << of(waiting);
    EXPECT_EQ(again->wait("task_ping")["id"], waiting["id"]);
    EXPECT_EQ(of(waiting)["message"], "pong");
    EXPECT_EQ(ask("POST", "/api/agent-tasks", {{"shopId", "nobody"}, {"command", "ping"}}).status, 404);
    EXPECT_EQ(curl({"-X", "POST", "-d", "{}", url_ + "/api/agent-tasks"}, false).status, 401);
}

TEST_F(HubShops, TheDocumentsRoutesCommandASignedAgent)
{
    boot();
    EXPECT_EQ(ask("GET", "/api/websocket/agents").json["agents"], json::array());
    NodeAgent node{"signed.mjs", {ws("/agent"), "n2", "secret-of-n2"}};
    ASSERT_TRUE(wait_for([&] { return ask("GET", "/api/websocket/agents").json["agents"].size() == 1; }));
    EXPECT_EQ(ask("GET", "/api/websocket/agents/n2").json["connected"], true);
    EXPECT_EQ(ask("GET", "/api/websocket/agents/n1").json["connected"], false);
    const auto pong =
        ask("POST", "/api/websocket/agents/n2/command", {{"command", "ping"}, {"args", json::object()}});
    EXPECT_EQ(pong.status, 200) << pong.body;
    EXPECT_EQ(pong.json["result"], "pong");
    const auto args =
        ask("POST", "/api/websocket/agents/n2/command", {{"command", "get_version"}, {"args", {{"x", 1.0}}}});
    EXPECT_EQ(args.json["result"]["args"]["x"], 1);
    const auto unknown = ask("POST", "/api/websocket/agents/n2/command", {{"command", "fly"}});
    EXPECT_EQ(unknown.status, 400) << unknown.body;
    EXPECT_EQ(unknown.json["error"]["code"], "UNKNOWN_ACTION");
    EXPECT_EQ(ask("POST", "/api/websocket/agents/n1/command", {{"command", "ping"}}).status, 503);
    EXPECT_EQ(ask("POST", "/api/websocket/agents/x/command", {{"command", "ping"}}).status, 404);
    ASSERT_TRUE(wait_for([&] { return !ask("GET", "/api/agents/n2/logs").json["logs"].empty(); }));
    const json latest = ask("GET", "/api/agents/n2/metrics").json["latest"];
    EXPECT_EQ(latest["cpu_percent"], 12.5) << latest;
    EXPECT_EQ(latest["disk_percent"], 70.25);
    EXPECT_EQ(ask("GET", "/api/agents/n2/logs").json["logs"][0]["message"], "signed agent up");
    EXPECT_EQ(ask("GET", "/api/agents/n2/health").json["health"], "healthy");
}

} // namespace
