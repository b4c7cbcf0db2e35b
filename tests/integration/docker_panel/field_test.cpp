// Faults that people reported of similar software (README.md has the list), each provoked on a real engine.
#include "rig.hpp"

#include <gmock/gmock.h>

#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

using namespace agenthost::test;
using nlohmann::json;
using testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

class Field : public DockerPanel {
protected:
    bool running_again(const std::string& id)
    {
        return wait_for([&] {
            const json now = status(id);
            return now.value("status", "") == "running" && !now.contains("engine");
        });
    }
    void expect_no_crash()
    {
        for (const json& data : panel_->events("server_status_changed"))
            EXPECT_NE(data["currentStatus"], "crashed") << data;
    }
};

class FieldLiveRestore : public Field {
protected:
    static void SetUpTestSuite()
    {
        if (::geteuid() == 0) engine_ = new GameEngine{EngineProcess::Kind::docker, {"--live-restore"}};
    }
};

// 1
TEST_F(Field, AnEngineThatIsTooNewIsRefusedWithBothVersions)
{
    node_.socket = dir_ / "new.sock";
    const std::string program =
        "require('http').createServer((q, r) => { r.setHeader('Api-Version', '1.99');"
        "if (q.url === '/_ping') return r.end('OK'); r.statusCode = 400;"
        "r.setHeader('Content-Type', 'application/json'); r.end(JSON.stringify({message: 'client version "
        "1.47 is "
        "too old. Minimum supported API version is 1.90, please upgrade your client'})); }).listen('" +
        node_.socket + "')";
    Process node{{.argv = {"node", "-e", program}}};
    ASSERT_TRUE(wait_for([&] { return std::filesystem::exists(node_.socket); }));
    start_agent();
    json refused;
    EXPECT_TRUE(wait_for([&] {
        refused = panel_->call("create_server", "s1", egg("s1"));
        return refused["error"].value("message", "").find("1.90") != std::string::npos;
    })) << refused;
    EXPECT_EQ(refused["error"]["code"], "DOCKER_ERROR") << refused;
    EXPECT_THAT(refused["error"].value("message", ""), HasSubstr("1.47"));
    EXPECT_TRUE(agent_->running());
}

// 2
TEST_F(FieldLiveRestore, ServersRunOnWhileTheirEngineIsKilled)
{
    start_agent();
    run_server("s1", {{"environment", {{"TICK", "50"}}}});
    ASSERT_TRUE(says("s1", "tick 5"));
    const std::string container = status("s1")["containerId"];
    for (int round = 0; round < 2; ++round) {
        engine_->kill();
        ASSERT_TRUE(wait_for([&] { return status("s1").contains("engine"); }));
        engine_->start();
        ASSERT_TRUE(running_again("s1")) << status("s1");
    }
    EXPECT_EQ(status("s1")["containerId"], container);
    expect_no_crash();
    EXPECT_TRUE(panel_->call("send_command", "s1", {{"command", "say still here"}})["success"]);
    EXPECT_TRUE(says("s1", "still here"));
    int last = 0;
    for (const std::string& line : console("s1"))
        if (line.starts_with("tick ")) {
            ASSERT_EQ(std::stoi(line.substr(5)), last + 1);
            ++last;
        }
    EXPECT_GT(last, 10);
    EXPECT_TRUE(panel_->call("stop_server", "s1")["success"]);
    EXPECT_TRUE(is("s1", "offline"));
}

// 5
TEST_F(Field, AProcessKilledForMemoryIsToldWhileTheServerGoesOn)
{
    start_agent();
    run_server("s1", {{"limits", {{"memory", "32m"}}},
                      {"shell", true},
                      {"startup", "while true; do /bin/game; echo game has ended; done"}});
    panel_->call("send_command", "s1", {{"command", "hog 200"}});
    EXPECT_TRUE(says("s1", "game has ended"));
    EXPECT_TRUE(says("s1", "because its memory limit was reached"));
    EXPECT_TRUE(is("s1", "running"));
    expect_no_crash();
    EXPECT_TRUE(panel_->call("kill_server", "s1")["success"]);
}

// 6
TEST_F(Field, AnEngineThatHangsLocksNothing)
{
    start_agent();
    run_server("s1");
    engine_->signal(SIGSTOP);
    const std::string stop = panel_->send("stop_server", "s1");
    const auto before = std::chrono::steady_clock::now();
    EXPECT_TRUE(is("s1", "stopping")) << "questions are answered meanwhile";
    const std::string kill = panel_->send("kill_server", "s1");
    EXPECT_FALSE(panel_->response(stop).is_null());
    const json answer = panel_->response(kill);
    EXPECT_FALSE(answer.is_null());
    EXPECT_LT(std::chrono::steady_clock::now() - before, 50s);
    engine_->signal(SIGCONT);
    EXPECT_TRUE(is("s1", "offline")) << status("s1");
    expect_no_crash();
    ASSERT_TRUE(wait_for([&] { return panel_->call("start_server", "s1").value("success", false); }));
    EXPECT_TRUE(is("s1", "running"));
}

// 8
TEST_F(Field, AServerWithoutAContainerIsAnOrdinaryOne)
{
    start_agent();
    ASSERT_TRUE(panel_->call("create_server", "s1", egg("s1"))["success"]);
    ASSERT_TRUE(is("s1", "offline")) << "a kill would end the installation";
    EXPECT_TRUE(panel_->call("stop_server", "s1")["success"]);
    EXPECT_TRUE(panel_->call("kill_server", "s1")["success"]);
    EXPECT_EQ(status("s1")["status"], "offline");
    ASSERT_TRUE(panel_->call("start_server", "s1")["success"]);
    ASSERT_TRUE(is("s1", "running"));
    ASSERT_TRUE(panel_->call("stop_server", "s1")["success"]);
    ASSERT_TRUE(is("s1", "offline"));
    engine("DELETE", "/containers/agenthost-s1?force=1");
    ASSERT_TRUE(panel_->call("start_server", "s1")["success"]);
    ASSERT_TRUE(is("s1", "running"));
    ASSERT_TRUE(panel_->call("kill_server", "s1")["success"]);
    engine("DELETE", "/containers/agenthost-s1?force=1");
    EXPECT_TRUE(panel_->call("delete_server", "s1")["success"]);
}

// 9
TEST_F(Field, AStaleContainerOfOursIsReplaced)
{
    const auto stale = [](const std::string& name, const std::string& role) {
        engine("POST", "/containers/create?name=" + name,
               R"({"Image":"panelgame:1","Cmd":["/bin/sleep","600"],"Labels":{"agenthost.server":"s1",)"
               R"("agenthost.role":")" +
                   role + R"(","agenthost.spec":"old"}})");
    };
    stale("agenthost-s1", "server");
    stale("agenthost-s1_installer", "installer");
    start_agent();
    run_server("s1", {{"install", {{"image", "panelgame:1"}, {"entrypoint", "sh"}, {"script", "echo ok"}}}});
    const json all = engine("GET", "/containers/json?all=1");
    EXPECT_EQ(all.size(), 1u) << all;
    EXPECT_NE(engine("GET", "/containers/agenthost-s1/json")["Config"]["Labels"]["agenthost.spec"], "old");
}

// 11
TEST_F(Field, ValuesWithQuotesAndPipesReachTheGameWhole)
{
    start_agent();
    const std::string title = R"(Bob's "best" | server (EU) & more; $HOME `id` \ {{NOBODY}} *)";
    run_server("s1", {{"environment", {{"TITLE", title}}},
                      {"shell", true},
                      {"startup", "echo title {{TITLE}}; exec /bin/game"}});
    EXPECT_THAT(console("s1"), testing::Contains("title " + title));
}

// 12, 13
TEST_F(Field, AStartChangesValuesOfFilesAndNothingElse)
{
    start_agent();
    ASSERT_TRUE(panel_
                    ->call("create_server", "s1",
                           egg("s1", {{"ports", {{"27777", 27712}}},
                                      {"files",
                                       {{"server.properties",
                                         {{"parser", "properties"},
                                          {"find", {{"server-port", "{{server.build.default.port}}"}}}}},
                                        {"broken.json", {{"parser", "json"}, {"find", {{"a", "b"}}}}}}}}))
                    .value("success", false));
    ASSERT_TRUE(panel_->call("write_file", "s1", {{"path", "of_game"}, {"content", "x"}})["success"]);
    const auto folder = dir_ / "servers/s1";
    const std::string before = "\xef\xbb\xbf# made by hand\r\nmotd=a: b\r\n\r\n  server-port = 1\r\nlevel=x";
    write_file(folder / "server.properties", before, 0640);
    write_file(folder / "broken.json", "{\"a\": ", 0640);
    write_file(folder / "of_root", "x", 0600);
    for (const char* name : {"server.properties", "broken.json"})
        ASSERT_EQ(::chown((folder / name).c_str(), 1000, 1000), 0);
    ASSERT_TRUE(panel_->call("start_server", "s1").value("success", false));
    const json failed =
        panel_->event("server_status_changed", [](const json& data) { return data.contains("error"); });
    EXPECT_EQ(failed["error"]["code"], "CONFIG_INVALID") << failed;
    EXPECT_THAT(failed["error"].value("message", ""), HasSubstr("broken.json: line 1"));
    EXPECT_EQ(read_file(folder / "broken.json"), "{\"a\": ");
    std::filesystem::remove(folder / "broken.json");
    ASSERT_TRUE(panel_->call("start_server", "s1").value("success", false));
    ASSERT_TRUE(is("s1", "running")) << status("s1");
    std::string wanted = before;
    wanted.replace(wanted.find("= 1\r"), 4, "= 27777\r");
    EXPECT_EQ(read_file(folder / "server.properties"), wanted);
    struct stat info {};
    ASSERT_EQ(::stat((folder / "of_root").c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 0u) << "files are not given away at a start";
    EXPECT_EQ(info.st_mode & 0777u, 0600u);
}

// 14
TEST_F(Field, TheDiskLimitHoldsWhateverTheGameHasLinked)
{
    start_agent();
    run_server("s1", {{"limits", {{"memory", "128m"}, {"disk", "2m"}}},
                      {"install",
                       {{"image", "panelgame:1"},
                        {"entrypoint", "sh"},
                        {"script", "cd /mnt/server\n/bin/busybox mkdir a\n/bin/busybox ln -s .. a/loop\n"
                                   "/bin/busybox ln -s / a/root\n/bin/busybox dd if=/dev/zero of=big bs=1024 "
                                   "count=1500\n"}}}});
    const auto ask = [&](const char* action, const json& payload) {
        return panel_->call(action, "s1", payload);
    };
    const std::string text(400'000, 'x');
    EXPECT_TRUE(ask("write_file", {{"path", "one"}, {"content", text}}).value("success", false));
    const json over = ask("write_file", {{"path", "two"}, {"content", text}});
    EXPECT_EQ(over["error"]["code"], "DISK_FULL") << over;
    const json copied = ask("copy_file", {{"from", "big"}, {"to", "big2"}});
    EXPECT_EQ(copied["error"]["code"], "DISK_FULL") << copied;
    for (const char* name : {"two", "big2"})
        EXPECT_FALSE(std::filesystem::exists(dir_ / "servers/s1" / name));
    EXPECT_EQ(status("s1")["status"], "running");
}

// 15
TEST_F(Field, AnInstallationOutlivesTheAgent)
{
    start_agent();
    const json more{
        {"install",
         {{"image", "panelgame:1"},
          {"entrypoint", "sh"},
          {"script", "echo begun\r\nwhile [ ! -e /mnt/server/go ]; do sleep 0.1; done\r\necho ended\r\n"}}}};
    panel_->send("create_server", "s1", egg("s1", more));
    ASSERT_TRUE(wait_for([&] {
        return engine("GET", "/containers/agenthost-s1_installer/json").value("State", json())["Running"] ==
               true;
    }));
    kill_agent();
    start_agent();
    EXPECT_TRUE(is("s1", "installing")) << status("s1");
    write_file(dir_ / "servers/s1/go", "");
    ASSERT_TRUE(is("s1", "offline")) << status("s1");
    const json log = panel_->call("get_logs", "s1", {{"source", "install"}});
    EXPECT_THAT(log["data"]["text"].get<std::string>(), HasSubstr("ended"));
    // It may end while the agent is away, too.
    std::filesystem::remove(dir_ / "servers/s1/go");
    panel_->send("reinstall_server", "s1");
    ASSERT_TRUE(wait_for([&] {
        return engine("GET", "/containers/agenthost-s1_installer/json").value("State", json())["Running"] ==
               true;
    }));
    kill_agent();
    write_file(dir_ / "servers/s1/go", "");
    ASSERT_TRUE(wait_for([&] {
        return engine("GET", "/containers/agenthost-s1_installer/json").value("State", json())["Running"] !=
               true;
    }));
    start_agent();
    EXPECT_TRUE(is("s1", "offline")) << status("s1");
    EXPECT_TRUE(panel_->call("start_server", "s1")["success"]);
    EXPECT_TRUE(is("s1", "running"));
}

} // namespace
