// The life of a server on Podman's compatible socket, told by a panel.
#include "rig.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

using namespace agenthost::test;
using nlohmann::json;
using testing::HasSubstr;

namespace {

class PodmanPanel : public DockerPanel {
protected:
    static void SetUpTestSuite()
    {
        if (::geteuid() == 0) engine_ = new GameEngine{EngineProcess::Kind::podman};
    }
    // Podman answers its first questions slowly.
    void start()
    {
        start_agent(", init: false"); // no catatonit on test machines
        ASSERT_TRUE(wait_for([&] {
            const json list = panel_->call("list_servers", "")["data"];
            return list.contains("engine") && list["engine"]["away"] == false;
        }));
    }
    json inspect(const std::string& id) { return engine("GET", "/containers/agenthost-" + id + "/json"); }
};

TEST_F(PodmanPanel, RunsFromCreationToDeletion)
{
    start();
    run_server("s1", {{"environment", {{"TICK", "200"}}}});
    const json now = status("s1");
    EXPECT_EQ(now["resources"]["memory"]["available"], "128m");
    EXPECT_TRUE(now["resources"]["cpu"].is_number()) << now;
    EXPECT_FALSE(panel_->event("resource_update", [](const json& data) { return data["serverId"] == "s1"; })
                     .is_null());
    EXPECT_TRUE(panel_->call("send_command", "s1", {{"command", "say hello podman"}})["success"]);
    EXPECT_TRUE(says("s1", "hello podman"));
    EXPECT_THAT(console("s1"), testing::Contains("[INFO]: hello podman"));

    const json stopped = panel_->call("stop_server", "s1");
    ASSERT_TRUE(stopped["success"].get<bool>()) << stopped;
    ASSERT_TRUE(is("s1", "offline"));
    // By its own command. Podman's log follows a moment later.
    EXPECT_TRUE(says("s1", "[INFO]: stopping"));
    EXPECT_THAT(console("s1"), testing::Contains("[INFO]: stopping"));
    ASSERT_TRUE(panel_->call("start_server", "s1")["success"].get<bool>());
    ASSERT_TRUE(is("s1", "running"));
    ASSERT_TRUE(panel_->call("kill_server", "s1")["success"].get<bool>());
    ASSERT_TRUE(is("s1", "offline"));
    for (const json& data : panel_->events("server_status_changed"))
        EXPECT_NE(data["currentStatus"], "crashed") << data;
    ASSERT_TRUE(panel_->call("delete_server", "s1")["success"].get<bool>());
    EXPECT_EQ(engine("GET", "/containers/json?all=1").size(), 0u);
    EXPECT_FALSE(std::filesystem::exists(dir_ / "servers/s1"));
}

TEST_F(PodmanPanel, InstallsAndStartsAgainAfterACrash)
{
    start();
    run_server("s1", {{"install",
                       {{"image", "panelgame:1"},
                        {"entrypoint", "sh"},
                        {"script", "id\necho done > /mnt/server/installed\n"}}}});
    EXPECT_EQ(read_file(dir_ / "servers/s1/installed"), "done\n");
    const json log = panel_->call("get_logs", "s1", {{"source", "install"}});
    EXPECT_THAT(log["data"]["text"].get<std::string>(), HasSubstr("uid=1000"));
    panel_->call("send_command", "s1", {{"command", "crash 5"}});
    const json crash = panel_->event("server_status_changed",
                                     [](const json& data) { return data["currentStatus"] == "crashed"; });
    ASSERT_FALSE(crash.is_null());
    EXPECT_THAT(crash["error"]["message"].get<std::string>(), HasSubstr("exit code 5"));
    EXPECT_TRUE(is("s1", "running"));
}

TEST_F(PodmanPanel, ServersSurviveTheAgent)
{
    start();
    run_server("s1");
    const std::string id = status("s1")["containerId"];
    kill_agent();
    start();
    ASSERT_TRUE(is("s1", "running")) << status("s1");
    // The engine may be slower than the agent's first answer.
    EXPECT_TRUE(wait_for([&] { return status("s1").value("containerId", "") == id; })) << status("s1");
    EXPECT_TRUE(panel_->call("send_command", "s1", {{"command", "say still here"}})["success"]);
    EXPECT_TRUE(says("s1", "still here"));
}

TEST_F(PodmanPanel, IsolatesAsDockerDoes)
{
    start();
    run_server("s1");
    const json container = inspect("s1"), host = container["HostConfig"];
    EXPECT_EQ(host["Privileged"], false);
    EXPECT_EQ(host["ReadonlyRootfs"], true);
    EXPECT_EQ(host["NetworkMode"], "bridge") << "Podman's word for a network of its own";
    EXPECT_EQ(host["PidMode"], "private");
    EXPECT_EQ(host["PidsLimit"], 512);
    EXPECT_EQ(host["Memory"], 128 << 20);
    EXPECT_EQ(container["Config"]["User"], "1000:1000");
    EXPECT_EQ(host["Binds"].size(), 1u) << host["Binds"];
    const json capabilities = container.value("EffectiveCaps", json());
    EXPECT_TRUE(capabilities.is_null() || capabilities.empty()) << capabilities;
    run_server("s2", {{"shell", true},
                      {"done", "looked"},
                      {"startup", "cat /proc/self/status; echo x > /etc/x; echo looked; sleep 60"}});
    const std::vector<std::string> seen = console("s2");
    for (const char* line : {"CapEff:\t0000000000000000", "NoNewPrivs:\t1"})
        EXPECT_THAT(seen, testing::Contains(testing::StartsWith(line)));
    EXPECT_THAT(seen, testing::Contains(HasSubstr("/etc/x: Read-only file system")));
    EXPECT_TRUE(panel_->call("kill_server", "s2")["success"]);
}

} // namespace
