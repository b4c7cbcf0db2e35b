// The ordinary life of a server, told by a panel: every action, its answer and its events.
#include "rig.hpp"

#include <gmock/gmock.h>

#include <sys/stat.h>

#include <algorithm>
#include <fstream>

using namespace agenthost::test;
using nlohmann::json;
using testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

class Life : public DockerPanel {};

std::vector<std::string> states(Panel& panel, const std::string& id)
{
    std::vector<std::string> out;
    for (const json& data : panel.events("server_status_changed"))
        if (data["serverId"] == id) out.push_back(data["currentStatus"]);
    return out;
}

TEST_F(Life, RunsFromCreationToDeletion)
{
    start_agent();
    const int port = free_port();
    const json created = panel_->call("create_server", "s1", egg("s1", {{"ports", {{"7777", port}}}}));
    ASSERT_TRUE(created["success"].get<bool>()) << created;
    EXPECT_EQ(created["data"]["serverId"], "s1");
    EXPECT_EQ(created["data"]["status"], "installing");
    ASSERT_TRUE(is("s1", "offline")) << "there is nothing to install";
    EXPECT_TRUE(panel_->call("create_server", "s1", egg("s1", {{"ports", {{"7777", port}}}}))["success"])
        << "the same again is the same server";

    const json started = panel_->call("start_server", "s1");
    ASSERT_TRUE(started["success"].get<bool>()) << started;
    EXPECT_EQ(started["message"], "Server start command received");
    EXPECT_EQ(started["data"]["status"], "starting");
    const json running = panel_->event("server_status_changed",
                                       [](const json& data) { return data["currentStatus"] == "running"; });
    ASSERT_FALSE(running.is_null());
    EXPECT_EQ(running["previousStatus"], "starting");
    EXPECT_GT(running["pid"].get<int>(), 0);
    EXPECT_EQ(states(*panel_, "s1"),
              (std::vector<std::string>{"installing", "offline", "starting", "running"}));

    const json now = status("s1");
    EXPECT_EQ(now["status"], "running");
    EXPECT_GE(now["uptime"].get<int>(), 0);
    EXPECT_EQ(now["resources"]["memory"]["available"], "128m");
    EXPECT_THAT(now["resources"]["memory"]["used"].get<std::string>(), testing::EndsWith("m"));
    EXPECT_TRUE(now["resources"]["cpu"].is_number()) << now;
    EXPECT_TRUE(now["resources"]["network"]["rx"].is_number()) << now;
    const json container = engine("GET", "/containers/" + now["containerId"].get<std::string>() + "/json");
    EXPECT_EQ(container["Name"], "/agenthost-s1");
    EXPECT_EQ(container["HostConfig"]["ReadonlyRootfs"], true);

    EXPECT_TRUE(panel_->call("send_command", "s1", {{"command", "say hello there"}})["success"]);
    EXPECT_TRUE(says("s1", "hello there"));
    EXPECT_THAT(console("s1"), testing::Contains("[INFO]: hello there"));
    EXPECT_FALSE(panel_->event("resource_update", [](const json& data) { return data["serverId"] == "s1"; })
                     .is_null());

    const json all = panel_->call("list_servers", "")["data"];
    ASSERT_EQ(all["servers"].size(), 1u);
    EXPECT_EQ(all["servers"][0]["status"], "running");
    EXPECT_EQ(all["servers"][0]["ports"]["7777"], port);

    const json stopped = panel_->call("stop_server", "s1");
    ASSERT_TRUE(stopped["success"].get<bool>()) << stopped;
    EXPECT_EQ(stopped["data"]["status"], "stopping");
    EXPECT_TRUE(is("s1", "offline"));
    EXPECT_EQ(panel_->call("stop_server", "s1")["data"]["status"], "offline") << "there is nothing to stop";
    EXPECT_THAT(console("s1"), testing::Contains("[INFO]: stopping")) << "by its own command";
    const json again = panel_->call("send_command", "s1", {{"command", "say x"}});
    EXPECT_EQ(again["error"]["code"], "CONTAINER_NOT_FOUND") << again;

    std::ofstream{dir_ / "servers/s1/file"} << "x";
    ASSERT_TRUE(panel_->call("delete_server", "s1")["success"]);
    EXPECT_FALSE(
        panel_->event("server_deleted", [](const json& data) { return data["serverId"] == "s1"; }).is_null());
    EXPECT_EQ(panel_->call("get_status", "s1")["error"]["code"], "SERVER_NOT_FOUND");
    EXPECT_EQ(engine("GET", "/containers/json?all=1").size(), 0u);
    EXPECT_FALSE(std::filesystem::exists(dir_ / "servers/s1"));
}

TEST_F(Life, StopsBySignalAndRestarts)
{
    start_agent();
    run_server("s1");
    const std::string first = status("s1")["containerId"];
    const json restarted = panel_->call("restart_server", "s1", {{"signal", "SIGTERM"}, {"timeout", 20}});
    ASSERT_TRUE(restarted["success"].get<bool>()) << restarted;
    EXPECT_EQ(restarted["data"]["status"], "stopping");
    ASSERT_TRUE(is("s1", "running"));
    EXPECT_NE(status("s1")["containerId"], first);
    EXPECT_EQ(panel_->call("start_server", "s1")["data"]["status"], "running") << "it runs already";
    EXPECT_THAT(console("s1"), testing::Contains("[INFO]: saving"));
    const json bad = panel_->call("stop_server", "s1", {{"signal", "SIGSTOP"}});
    EXPECT_EQ(bad["error"]["code"], "INVALID_REQUEST") << bad;
}

TEST_F(Life, KillPreemptsAStopThatHangs)
{
    start_agent();
    run_server("s1");
    panel_->call("send_command", "s1", {{"command", "hang"}});
    ASSERT_TRUE(says("s1", "hanging"));
    const std::string stop = panel_->send("stop_server", "s1", {{"timeout", 600}});
    ASSERT_TRUE(is("s1", "stopping"));
    const auto before = std::chrono::steady_clock::now();
    EXPECT_TRUE(panel_->call("kill_server", "s1")["success"]);
    EXPECT_TRUE(is("s1", "offline"));
    EXPECT_LT(std::chrono::steady_clock::now() - before, 20s);
    const json answer = panel_->response(stop);
    EXPECT_EQ(answer["data"]["status"], "stopping") << answer;
    EXPECT_TRUE(panel_->call("start_server", "s1")["success"]) << "nothing is locked afterwards";
}

TEST_F(Life, InstallsByAScriptAndKeepsItsLog)
{
    start_agent();
    const json more{{"install",
                     {{"image", "panelgame:1"},
                      {"entrypoint", "/bin/sh"},
                      {"script", "echo installing $WHAT\necho done > /mnt/server/installed\n"}}},
                    {"environment", {{"WHAT", "all"}}}};
    const json created = panel_->call("create_server", "s1", egg("s1", more));
    ASSERT_TRUE(created["success"].get<bool>()) << created;
    ASSERT_TRUE(is("s1", "offline")) << status("s1");
    EXPECT_EQ(read_file(dir_ / "servers/s1/installed"), "done\n");
    const json log = panel_->call("get_logs", "s1", {{"source", "install"}});
    EXPECT_THAT(log["data"]["text"].get<std::string>(), HasSubstr("installing all")) << log;
    EXPECT_EQ(states(*panel_, "s1").front(), "installing");

    json broken = more;
    broken["install"]["script"] = "echo cannot do it\nexit 7\n";
    panel_->call("create_server", "s2", egg("s2", broken));
    ASSERT_TRUE(is("s2", "install_failed")) << status("s2");
    EXPECT_THAT(status("s2")["error"]["message"].get<std::string>(), HasSubstr("exit code 7"));
    const json failed_log = panel_->call("get_logs", "s2", {{"source", "install"}});
    EXPECT_THAT(failed_log["data"]["text"].get<std::string>(), HasSubstr("cannot do it"));
    const json event = panel_->event("server_status_changed", [](const json& data) {
        return data["serverId"] == "s2" && data["currentStatus"] == "install_failed";
    });
    EXPECT_EQ(event["error"]["code"], "CONFIG_INVALID") << event;
    EXPECT_THAT(event["error"].value("message", ""), HasSubstr("exit code 7"));
    EXPECT_FALSE(panel_->call("start_server", "s2")["success"]);
}

TEST_F(Life, FilesCanBePreparedBeforeTheFirstStart)
{
    start_agent();
    ASSERT_TRUE(panel_->call("create_server", "s1", egg("s1"))["success"]);
    const auto ok = [&](const std::string& action, const json& payload) {
        const json answer = panel_->call(action, "s1", payload);
        EXPECT_TRUE(answer.value("success", false)) << action << answer;
        return answer["data"];
    };
    ok("make_directory", {{"path", "/server/config"}});
    ok("write_file", {{"path", "/server/config/a.txt"}, {"content", "hello"}});
    EXPECT_EQ(ok("get_file", {{"path", "/server/config/a.txt"}})["content"], "hello");
    const json list = ok("list_files", {{"path", "/server/config"}});
    ASSERT_EQ(list["files"].size(), 1u);
    EXPECT_EQ(list["files"][0]["name"], "a.txt");
    EXPECT_EQ(list["files"][0]["size"], 5);
    ok("copy_file", {{"from", "config/a.txt"}, {"to", "b.txt"}});
    ok("archive_files", {{"files", {"config", "b.txt"}}, {"target", "all.tar.gz"}});
    ok("delete_file", {{"path", "config"}});
    ok("extract_archive", {{"path", "all.tar.gz"}});
    EXPECT_EQ(ok("get_file", {{"path", "config/a.txt"}})["content"], "hello");
    EXPECT_EQ(panel_->call("get_file", "s1", {{"path", "../../agent.yaml"}})["error"]["code"],
              "INVALID_REQUEST");
    EXPECT_EQ(panel_->call("get_file", "s1", {{"path", "nothing"}})["error"]["code"], "FILE_NOT_FOUND");
    struct stat info {};
    ASSERT_EQ(::stat((dir_ / "servers/s1/b.txt").c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 1000u) << "the server's user";
}

TEST_F(Life, RefusesWhatTheNodeDoesNotAllow)
{
    const int port = free_port();
    start_agent(", ports: [" + std::to_string(port) + "], total_memory: 256MiB");
    const auto code = [&](const json& more) {
        return panel_->call("create_server", "s1", egg("s1", more))["error"].value("code", "");
    };
    EXPECT_EQ(code({{"startup", "/bin/game {{NOBODY}}"}}), "CONFIG_INVALID");
    EXPECT_EQ(code({{"privileged", true}}), "CONFIG_INVALID");
    EXPECT_EQ(code({{"ports", {{"7777", 80}}}}), "CONFIG_INVALID");
    EXPECT_EQ(code({{"limits", {{"memory", "512m"}}}}), "INSUFFICIENT_RESOURCES");
    EXPECT_EQ(panel_->call("start_server", "nobody")["error"]["code"], "SERVER_NOT_FOUND");
    const json invalid = panel_->call("create_server", "s1", {{"eggConfig", 17}});
    EXPECT_FALSE(invalid["success"].get<bool>()) << invalid;

    run_server("s2", {{"ports", {{"7777", port}}}});
    const json conflict = panel_->call("create_server", "s3", egg("s3", {{"ports", {{"7777", port}}}}));
    EXPECT_EQ(conflict["error"]["code"], "PORT_CONFLICT") << conflict;
    EXPECT_THAT(conflict["error"]["message"].get<std::string>(), HasSubstr("s2"));
}

TEST_F(Life, NamesTheHolderOfAPort)
{
    start_agent();
    const int port = free_port();
    const std::string digits = std::to_string(port);
    // Another container, then another program.
    engine(
        "POST", "/containers/create?name=stranger",
        R"({"Image":"panelgame:1","Cmd":["/bin/sleep","600"],"ExposedPorts":{"7777/tcp":{}},"HostConfig":{"NetworkMode":"gamenet","PortBindings":{"7777/tcp":[{"HostIp":"127.0.0.1","HostPort":")" +
            digits + R"("}]}}})");
    engine("POST", "/containers/stranger/start");
    const json wanted = egg("s1", {{"ports", {{"7777", port}}}});
    json refused = panel_->call("create_server", "s1", wanted);
    EXPECT_EQ(refused["error"]["code"], "PORT_CONFLICT") << refused;
    EXPECT_THAT(refused["error"].value("message", ""), HasSubstr("container stranger"));
    EXPECT_EQ(panel_->call("get_status", "s1")["error"]["code"], "SERVER_NOT_FOUND");
    engine("POST", "/containers/stranger/stop?t=0");
    ASSERT_TRUE(panel_->call("create_server", "s1", wanted).value("success", false));
    ASSERT_TRUE(is("s1", "offline"));
    engine("POST", "/containers/stranger/start");
    refused = panel_->call("start_server", "s1");
    EXPECT_EQ(refused["error"]["code"], "PORT_CONFLICT") << refused;
    EXPECT_THAT(refused["error"].value("message", ""), HasSubstr("container stranger"));
    EXPECT_EQ(status("s1")["status"], "offline") << "not a crash loop";

    engine("DELETE", "/containers/stranger?force=1");
    Process nc{{.argv = {"busybox", "nc", "-ll", "-p", digits}}};
    ASSERT_TRUE(wait_for([&] {
        return run({"busybox", "netstat", "-ltn"}).out.find(":" + digits + " ") != std::string::npos;
    }));
    refused = panel_->call("start_server", "s1");
    EXPECT_EQ(refused["error"]["code"], "PORT_CONFLICT") << refused;
    EXPECT_THAT(refused["error"].value("message", ""), HasSubstr("pid " + std::to_string(nc.pid())));
}

} // namespace
