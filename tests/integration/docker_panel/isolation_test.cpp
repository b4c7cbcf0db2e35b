// Payloads that try to get out of their container, and what the engine says of the containers that are made.
#include "isolation.hpp"

#include "escapes.hpp"
#include "rig.hpp"

#include <gmock/gmock.h>

#include <sys/stat.h>

#include <fstream>

using namespace agenthost::test;
using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

constexpr const char* node_limits = ", ports: ['27700-27799'], max_memory: 256MiB, max_cpu: 2, "
                                    "max_processes: 600, default_processes: 512";

class Isolation : public DockerPanel {
protected:
    void start()
    {
        node_.images = "'docker.io/library/panelgame'";
        start_agent(node_limits);
    }
    json inspect(const std::string& name) { return engine("GET", "/containers/" + name + "/json"); }
    Promises promises(const std::string& id) const
    {
        return {.id = id, .folder = dir_ / "servers" / id, .memory = 128 << 20, .nano_cpus = 1'000'000'000};
    }
    Promises installer_promises(const std::string& id) const
    {
        Promises out = promises(id);
        out.install_folder = dir_ / "servers/.install" / id;
        return out;
    }
    std::string text(const json& answer) { return answer["error"].value("message", answer.dump()); }
};

json egg_file()
{
    return json::parse(R"({"serverId": "s1", "limits": {"memory": "128m", "cpu": "1"}, "eggConfig": {
        "meta": {"version": "PTDL_v2"}, "name": "Game", "docker_images": {"Game": "panelgame:1"},
        "startup": "/bin/game",
        "config": {"files": "{}", "startup": "{\"done\": \")! For help, type \"}", 
            "logs": "{}", "stop": "stop"},
        "scripts": {"installation": {"script": "true", "container": "panelgame:1", "entrypoint": "sh"}},
        "variables": [{"name": "Word", "env_variable": "WORD", "default_value": "", "rules": "string"}]}})");
}

TEST_F(Isolation, EveryEscapeIsRefusedWithItsPlace)
{
    start();
    int refused = 0;
    for (const Escape& escape : escapes()) {
        json payload = escape.egg ? egg_file() : egg("s1");
        payload[json::json_pointer{escape.place}] = json::parse(escape.value);
        const std::string id = payload["serverId"];
        // The message of the protocol names the server, too; the payload decides when that one is missing.
        const json answer = panel_->call("create_server", escape.place == "/serverId" ? "" : id, payload);
        SCOPED_TRACE(escape.place + " " + escape.value);
        ASSERT_FALSE(answer.value("success", true)) << answer;
        EXPECT_THAT(text(answer), HasSubstr(escape.named));
        EXPECT_THAT(answer["error"]["code"].get<std::string>(),
                    testing::AnyOf("CONFIG_INVALID", "INSUFFICIENT_RESOURCES", "INVALID_REQUEST"));
        ++refused;
    }
    EXPECT_GE(refused, 60);
    EXPECT_THAT(engine("GET", "/containers/json?all=1"), IsEmpty());
    EXPECT_THAT(panel_->call("list_servers", "")["data"]["servers"], IsEmpty());
    EXPECT_FALSE(std::filesystem::exists(dir_ / "servers/s1"));
}

TEST_F(Isolation, EveryPropertyOfAServerIsReadBack)
{
    start();
    run_server("s1", {{"ports", {{"7777", 27701}, {"7777/udp", 27701}}}});
    EXPECT_THAT((ContainerCheck{inspect("agenthost-s1"), promises("s1")}.broken()), IsEmpty());
    const json ports = inspect("agenthost-s1")["HostConfig"]["PortBindings"];
    EXPECT_EQ(ports.size(), 2u) << ports;
    // The same as a process inside sees it.
    json more{{"shell", true}, {"done", "looked"}, {"startup", R"(id; cat /proc/self/status;
        echo x > /etc/x; echo x > /home/container/x && echo mine;
        cp /bin/busybox /tmp/b; /tmp/b true || echo noexec;
        /bin/busybox mount -t tmpfs none /mnt || echo nomount;
        /bin/busybox mknod /tmp/d b 8 0 || echo nodevice;
        /bin/busybox ls /proc/1/root/home; echo looked; sleep 60)"}};
    more["startup"] = [](std::string script) {
        std::replace(script.begin(), script.end(), '\n', ' ');
        return script;
    }(more["startup"]);
    run_server("s2", more);
    const std::vector<std::string> seen = console("s2");
    for (const char* line : {"uid=1000 gid=1000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000",
                             "NoNewPrivs:\t1", "Seccomp:\t2"})
        EXPECT_THAT(seen, testing::Contains(testing::StartsWith(line)));
    for (const char* line : {"mine", "noexec", "nomount", "nodevice"})
        EXPECT_THAT(seen, testing::Contains(line));
    EXPECT_THAT(seen, testing::Contains(HasSubstr("/etc/x: Read-only file system")));
}

TEST_F(Isolation, EveryPropertyOfAnInstallerIsReadBack)
{
    start();
    const json more{{"install",
                     {{"image", "panelgame:1"},
                      {"entrypoint", "sh"},
                      {"script", "id\nwhile [ ! -e /mnt/server/go ]; do sleep 0.1; done\n"}}}};
    const std::string answer = panel_->send("create_server", "s1", egg("s1", more));
    ASSERT_TRUE(wait_for([&] {
        const json container = inspect("agenthost-s1_installer");
        return container.contains("State") && container["State"]["Running"] == true;
    }));
    EXPECT_THAT((ContainerCheck{inspect("agenthost-s1_installer"), installer_promises("s1")}.broken()),
                IsEmpty());
    write_file(dir_ / "servers/s1/go", "");
    EXPECT_TRUE(panel_->response(answer)["success"].get<bool>());
    EXPECT_TRUE(is("s1", "offline"));
    const json log = panel_->call("get_logs", "s1", {{"source", "install"}});
    EXPECT_THAT(log["data"]["text"].get<std::string>(), HasSubstr("uid=1000 gid=1000"));
    EXPECT_TRUE(inspect("agenthost-s1_installer").contains("message")) << "the installer is removed";
}

// What is accepted because it is only text stays text, and the container keeps every promise.
TEST_F(Isolation, HostileTextIsHarmless)
{
    start();
    const std::string word =
        "$(echo pwned > /home/container/pwned)'; echo pwned; `id` \"{\"Privileged\":true} {{WORD}}";
    const json environment{{"WORD", word},
                           {"LD_PRELOAD", "/home/container/evil.so"},
                           {"PATH", "/home/container:/bin"},
                           {"DOCKER_HOST", "unix:///run/docker.sock"},
                           {"SERVER_MEMORY", "99999"}};
    const json more{{"name", "--privileged <script>"},
                    {"environment", environment},
                    {"shell", true},
                    {"startup", "echo word {{WORD}}; exec /bin/game"},
                    {"stop", "; reboot"}};
    run_server("s1", more);
    EXPECT_THAT((ContainerCheck{inspect("agenthost-s1"), promises("s1")}.broken()), IsEmpty());
    EXPECT_THAT(console("s1"), testing::Contains("word " + word));
    EXPECT_FALSE(std::filesystem::exists(dir_ / "servers/s1/pwned"));
    const std::string log = agent_->log();
    EXPECT_EQ(log.find("evil.so"), std::string::npos) << "the environment is not logged";
    json arguments = more;
    arguments["shell"] = false;
    arguments["startup"] = "/bin/sh -c 'echo \"$0\"; exec /bin/game' {{WORD}}";
    run_server("s2", arguments);
    EXPECT_THAT(console("s2"), testing::Contains(word));
    EXPECT_THAT((ContainerCheck{inspect("agenthost-s2"), promises("s2")}.broken()), IsEmpty());
}

TEST_F(Isolation, AHostileEggReachesNothingOutside)
{
    start();
    write_file(dir_ / "victim", "untouched=1\n", 0666);
    const std::string victim = dir_ / "victim";
    json egg = egg_file();
    egg["eggConfig"]["scripts"]["installation"]["script"] =
        "#!/bin/sh\r\nid\r\n"
        "echo x > /etc/cron && echo BAD etc\r\n"
        "echo x > /mnt/install/install.sh && echo BAD script\r\n"
        "/bin/busybox mount -t proc none /mnt/server && echo BAD mount\r\n"
        "/bin/busybox mknod /mnt/server/disk b 8 0 && echo BAD device\r\n"
        "/bin/busybox chown 0 /mnt/server && echo BAD owner\r\n"
        "/bin/busybox chroot /proc/1/root true && echo BAD chroot\r\n"
        "echo x > /proc/sys/kernel/core_pattern && echo BAD sysctl\r\n"
        "cp /bin/busybox /mnt/server/su; /bin/busybox chmod 6755 /mnt/server/su\r\n"
        "/bin/busybox ln -s " +
        victim +
        " /mnt/server/server.properties\r\n"
        "/bin/busybox ln -s / /mnt/server/root\r\n"
        "/bin/busybox ln -s /proc/self/environ /mnt/server/environ\r\n"
        "/bin/busybox mkfifo /mnt/server/fifo\r\nexit 0\r\n";
    egg["eggConfig"]["config"]["files"] =
        R"({"server.properties":{"parser":"properties","find":{"untouched":"0"}}})";
    ASSERT_TRUE(panel_->call("create_server", "s1", egg)["success"].get<bool>());
    ASSERT_TRUE(is("s1", "offline")) << status("s1");
    const json log = panel_->call("get_logs", "s1", {{"source", "install"}});
    EXPECT_THAT(log["data"]["text"].get<std::string>(), HasSubstr("uid=1000"));
    EXPECT_THAT(log["data"]["text"].get<std::string>(), testing::Not(HasSubstr("BAD")));

    panel_->call("start_server", "s1"); // edits server.properties, or says that it does not
    ASSERT_TRUE(wait_for([&] { return status("s1").value("status", "starting") != "starting"; }));
    EXPECT_EQ(read_file(victim), "untouched=1\n");
    for (const char* path :
         {"root/etc/passwd", "environ", "server.properties", "fifo", "root/proc/1/environ"}) {
        const json read = panel_->call("get_file", "s1", {{"path", path}});
        EXPECT_FALSE(read.value("success", true)) << path << read;
    }
    panel_->call("write_file", "s1", {{"path", "server.properties"}, {"content", "x"}}); // replaces the link
    EXPECT_FALSE(panel_->call("write_file", "s1", {{"path", "root" + victim}, {"content", "x"}})
                     .value("success", true));
    EXPECT_EQ(read_file(victim), "untouched=1\n");
    // A program with the set-user bit gives its own user only.
    struct stat info {};
    ASSERT_EQ(::stat((dir_ / "servers/s1/su").c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 1000u);
    ASSERT_TRUE(panel_->call("delete_server", "s1")["success"].get<bool>());
    EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(dir_ / "servers/s1")));
    EXPECT_EQ(read_file(victim), "untouched=1\n");
}

} // namespace
