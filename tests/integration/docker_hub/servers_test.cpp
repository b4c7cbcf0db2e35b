// A game server from creation to deletion over the hub's REST routes: the agent registers itself, its docker plugin works on a dockerd
// that the test starts.
#include "tests/integration/docker_panel/game_engine.hpp"
#include "tests/integration/hub/fixture.hpp"
#include "tests/support/secrets.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>

using namespace agenthost::test;
using nlohmann::json;
using testing::HasSubstr;

namespace {

class DockerHub : public HubDaemon {
protected:
    void SetUp() override
    {
        if (::geteuid() != 0) GTEST_SKIP() << "needs root: a container engine of the test's own";
        engine_ = std::make_unique<GameEngine>();
        const auto secret = sha256_hex("docker hub" + dir_.path().string());
        keep_secret(secret);
        write_file(dir_ / "enroll", secret + "\n", 0600);
        write_file(dir_ / "jwt", sha256_hex("docker hub jwt" + dir_.path().string()) + "\n", 0600);
        boot("jwt_secret: {file: '" + (dir_ / "jwt").string() + "'}, enroll_token: {file: '" +
             (dir_ / "enroll").string() + "'}");
    }
    void TearDown() override
    {
        if (node_ && HasFailure()) std::fputs(node_->log().c_str(), stderr);
        node_.reset();
        if (engine_) engine_->remove_containers();
    }
    void start_agent(const std::string& more = {})
    {
        const std::string yaml = "servers: [{name: hub, protocol: panel, panel: {register_url: '" + url_ +
                                 "/api/agents/register', admin_credential: {file: '" +
                                 (dir_ / "enroll").string() +
                                 "'}}, reconnect: {initial: 100ms, max: 1s}}]\nplugins:\n  " +
                                 engine_->plugin_yaml(dir_ / "servers", more);
        node_ = std::make_unique<Daemon>(Daemon::Options{.yaml = yaml, .dir = dir_ / "agent"});
        ASSERT_TRUE(node_->wait_ready()) << node_->log();
        ASSERT_TRUE(wait_for([&] {
            const json agents = ask("GET", "/api/agents").json["agents"];
            if (!agents.is_array() || agents.size() != 1) return false;
            id_ = agents[0]["id"];
            return online(id_);
        })) << node_->log();
    }
    [[nodiscard]] std::string server(const std::string& id) const
    {
        return "/api/agents/" + id_ + "/servers/" + id;
    }
    // Waits until the hub's own list says so: it learns it from events.
    bool listed(const std::string& id, const std::string& status)
    {
        return wait_for([&] {
            const json servers = ask("GET", "/api/servers").json["servers"];
            for (const json& one : servers)
                if (one["serverId"] == id) return one["status"] == status;
            return false;
        });
    }
    void expect_ok(const Answer& answer, const char* what)
    {
        EXPECT_EQ(answer.status, 200) << what << ": " << answer.body;
    }

    std::unique_ptr<GameEngine> engine_;
    std::unique_ptr<Daemon> node_;
    std::string id_; // the hub's, of the agent
};

TEST_F(DockerHub, ManagesAServerFromPlacementToDeletion)
{
    const int port = free_port();
    const std::string ports = std::to_string(port) + "-" + std::to_string(port);
    start_agent(", ports: ['" + ports + "'], max_servers: 5");
    const json made = GameEngine::egg("s1", {{"ports", {{"7777", port}}}});
    ASSERT_TRUE(wait_for([&] { // as soon as the hub knows that the agent has an engine
        return ask("POST", "/api/servers?dry_run=true", made).status == 200;
    })) << ask("POST", "/api/servers?dry_run=true", made).body;
    const Answer placed = ask("POST", "/api/servers", made);
    ASSERT_EQ(placed.status, 200) << placed.body;
    EXPECT_EQ(placed.json["agent"], id_);
    ASSERT_TRUE(listed("s1", "offline"));
    expect_ok(ask("POST", server("s1") + "/power", {{"action", "start"}}), "start");
    ASSERT_TRUE(listed("s1", "running"));

    const Answer status = ask("GET", server("s1"));
    EXPECT_EQ(status.json["status"], "running") << status.body;
    EXPECT_FALSE(status.json["containerId"].get<std::string>().empty());
    EXPECT_EQ(status.json["resources"]["memory"]["available"], "128m");

    const json list = ask("GET", "/api/agents/" + id_ + "/servers").json;
    ASSERT_EQ(list["servers"].size(), 1u) << list;
    EXPECT_EQ(list["servers"][0]["limits"], (json{{"memory", "128m"}, {"cpu", 1}}));
    EXPECT_EQ(list["node"]["ports"], json::array({ports}));
    EXPECT_EQ(list["node"]["images"], json::array({"*"}));
    EXPECT_GT(list["node"]["freeDisk"].get<std::uint64_t>(), 0u);
    EXPECT_GT(list["node"]["maxCpuCores"].get<int>(), 0);

    expect_ok(ask("POST", server("s1") + "/command", {{"command", "say hello hub"}}), "command");
    EXPECT_TRUE(wait_for([&] {
        return ask("GET", server("s1") + "/logs?tail=5").body.find("[INFO]: hello hub") != std::string::npos;
    }));
    // The hub refuses or is refused what the node does not give, and says why.
    const Answer other = ask("POST", "/api/servers", GameEngine::egg("s2", {{"ports", {{"1", 80}}}}));
    EXPECT_NE(other.status, 200);
    EXPECT_THAT(other.body, HasSubstr("80"));

    expect_ok(ask("POST", server("s1") + "/power", {{"action", "stop"}}), "stop");
    ASSERT_TRUE(listed("s1", "offline"));
    expect_ok(ask("DELETE", server("s1")), "delete");
    EXPECT_EQ(ask("GET", server("s1")).json["error"]["code"], "SERVER_NOT_FOUND");
    EXPECT_TRUE(wait_for([&] { return ask("GET", "/api/servers").json["total"] == 0; }));
    EXPECT_FALSE(std::filesystem::exists(dir_ / "servers/s1"));
}

TEST_F(DockerHub, ChangesFilesOfAServer)
{
    start_agent();
    expect_ok(ask("POST", "/api/agents/" + id_ + "/servers", GameEngine::egg("s1")), "create");
    const std::string files = server("s1") + "/files", content = files + "/content?path=";
    const std::string bytes("\0\1\xff text", 8);
    write_file(dir_ / "up", bytes);
    const auto put = [&](const std::string& query) {
        return curl({"-T", (dir_ / "up").string(), url_ + content + query});
    };
    expect_ok(put("/a%20b&mode=0640"), "put");
    EXPECT_EQ(curl({url_ + content + "/a%20b"}).body, bytes);
    EXPECT_EQ(put("/deep/er/c").status, 404) << "its folder is not there";
    expect_ok(put("/deep/er/c&parents=true"), "put with its folders");
    expect_ok(ask("POST", files + "/mkdir", {{"path", "/x/y"}, {"parents", true}}), "mkdir");
    expect_ok(ask("POST", files + "/copy", {{"from", "/a b"}, {"to", "/x/y/d"}}), "copy");
    expect_ok(ask("POST", files + "/rename", {{"from", "/x/y/d"}, {"to", "/e"}}), "rename");
    expect_ok(ask("POST", files + "/chmod", {{"path", "/e"}, {"mode", "0755"}}), "chmod");
    expect_ok(ask("POST", files + "/archive",
                  {{"files", {"deep", "e"}}, {"target", "/all.tar.gz"}, {"exclude", {"*.log"}}}),
              "archive");
    expect_ok(ask("DELETE", files + "?path=/deep"), "delete");
    expect_ok(ask("POST", files + "/extract", {{"path", "/all.tar.gz"}, {"target", "/"}}), "extract");
    EXPECT_EQ(curl({url_ + content + "/deep/er/c"}).body, bytes);
    const json page = ask("GET", files + "?path=/&limit=2").json;
    ASSERT_EQ(page["files"].size(), 2u) << page;
    const json rest = ask("GET", files + "?path=/&after=" + page["next"].get<std::string>()).json;
    EXPECT_EQ(page["files"].size() + rest["files"].size(), 5u) << page << rest; // "a b" all.tar.gz deep e x
    const Answer gone = ask("GET", content + "/nothing");
    EXPECT_EQ(gone.status, 404);
    EXPECT_EQ(gone.json["error"]["code"], "FILE_NOT_FOUND");
    EXPECT_NE(ask("GET", content + "/../../agent/config").status, 200);
    expect_ok(ask("DELETE", server("s1")), "delete the server");
}

} // namespace
