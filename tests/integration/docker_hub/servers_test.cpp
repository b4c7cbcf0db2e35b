// A game server from creation to deletion over the hub's REST routes: the agent registers itself, its docker plugin works on a dockerd
// that the test starts.
#include "fixture.hpp"

#include <gmock/gmock.h>

#include <filesystem>

using namespace agenthost::test;
using nlohmann::json;
using testing::HasSubstr;

namespace {

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
    const Answer begun = ask("POST", server("s1") + "/power", {{"action", "start"}});
    expect_ok(begun, "start");
    EXPECT_EQ(begun.json["status"], "starting") << begun.body;
    ASSERT_TRUE(listed("s1", "running"));
    // With ?wait=, what it leads to.
    const Answer restarted = ask("POST", server("s1") + "/power?wait=60", {{"action", "restart"}});
    EXPECT_EQ(restarted.status, 200) << restarted.body;
    EXPECT_EQ(restarted.json["status"], "running") << restarted.body;
    EXPECT_EQ(restarted.json["reached"], true) << restarted.body;
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

    const Answer stopped = ask("POST", server("s1") + "/power?wait=60", {{"action", "stop"}});
    expect_ok(stopped, "stop");
    EXPECT_EQ(stopped.json["status"], "offline") << stopped.body;
    ASSERT_TRUE(listed("s1", "offline"));
    // A start that fails after its answer: the image is allowed, and not there.
    expect_ok(ask("POST", "/api/agents/" + id_ + "/servers?wait=60",
                  GameEngine::egg("s3", {{"image", "localhost:1/no/such:image"}})),
              "create");
    const Answer failed = ask("POST", server("s3") + "/power?wait=60", {{"action", "start"}});
    EXPECT_EQ(failed.status, 502) << failed.body;
    EXPECT_EQ(failed.json["error"]["code"], "DOCKER_ERROR") << failed.body;
    EXPECT_EQ(failed.json["status"], "offline") << failed.body;
    expect_ok(ask("DELETE", server("s3")), "delete");
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
