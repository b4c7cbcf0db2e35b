// A real daemon that reloads its configuration: while plugins start, after files were replaced, after a
// listener failed.
#include "life.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <optional>

using namespace agenthost::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

// A script or a log rotation that says HUP while the daemon starts asks for nothing but the newest
// configuration.
TEST(Reload, TreatsSighupDuringTheStartAsAReload)
{
    TempDir dir;
    const auto config = (dir / "agenthost.yaml").string();
    ASSERT_EQ(::mkfifo(config.c_str(), 0600), 0);
    const auto program_file = program("agenthost").string();
    Process daemon{{.argv = {program_file, "run", "-c", config}}};
    int fd = -1; // succeeds when the daemon has it open: it reads its configuration
    ASSERT_TRUE(wait_for([&] { return (fd = ::open(config.c_str(), O_WRONLY | O_NONBLOCK)) >= 0; }));
    ::kill(daemon.pid(), SIGHUP);
    ::kill(daemon.pid(), SIGPIPE);
    const std::string yaml = "agent: {id: node-01, state_dir: '" + (dir / "state").string() +
                             "'}\ncontrol: {socket: '" + (dir / "control.sock").string() + "'}\n";
    fs::remove(config);
    write_file(config, yaml + "listeners: [{name: web, bind: '127.0.0.1:0'}]\n"); // what the reload will read
    ASSERT_EQ(::write(fd, yaml.data(), yaml.size()), static_cast<ssize_t>(yaml.size()));
    ::close(fd);
    EXPECT_TRUE(wait_for([&] { return daemon.err().find("listener web: opened") != std::string::npos; }))
        << daemon.err();
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), 0) << daemon.err();
}

TEST(Reload, StartsAPluginOnceWhenItReloadsDuringItsStart)
{
    Daemon daemon{{.yaml = hostile("block_start"), .plugin_path = {plugins()}}};
    ASSERT_TRUE(wait_for([&] { return fs::exists(daemon.dir() / "start.blocked"); })) << daemon.log();
    daemon.rewrite(hostile(""));
    daemon.signal(SIGHUP);
    // The reload has been noticed when the control socket has answered after the signal.
    ASSERT_TRUE(wait_for([&] { return daemon.status().is_object(); }));
    write_file(daemon.dir() / "release", "");
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    ASSERT_TRUE(wait_for([&] { return daemon.log().find("has its new configuration") != std::string::npos; }))
        << daemon.log();
    EXPECT_EQ(times(daemon.log(), "running: version"), 1u) << daemon.log();
    EXPECT_EQ(daemon.call("hostile.echo", R"({"a":1})").code, 0);
    EXPECT_EQ(daemon.cli({"health"}).code, 0);
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

// A daemon with the hub, whose start waits at its database until open() is called.
class HubThatStartsSlowly {
public:
    HubThatStartsSlowly()
        : daemon_{{.yaml = yaml("}}\n"),
                   .env = {{"LD_PRELOAD", (binary_dir() / "tests/gate_shim.so").string()},
                           {"ASAN_OPTIONS", "verify_asan_link_order=0"},
                           {"GATE_FILE", "gated.db"},
                           {"GATE_OPEN", (dir_ / "open").string()}}}}
    {}
    Daemon& daemon() { return daemon_; }
    [[nodiscard]] bool waits() const { return fs::exists(dir_ / "open.waits"); }
    void open() { write_file(dir_ / "open", ""); }
    void rewrite(bool other_config)
    {
        daemon_.rewrite(yaml(other_config ? ", agent_grace: 31s}}\n" : "}}\nlimits: {cancel_grace: 29s}\n"));
    }
    // Statuses of HTTP requests, as text.
    std::string ready() { return status({"--unix-socket", daemon_.control(), "http://localhost/readyz"}); }
    std::string agents(bool with_token)
    {
        std::vector<std::string> request{daemon_.address("hub") + "/api/agents"};
        if (with_token) request.insert(request.begin(), {"-H", "Authorization: Bearer " + token_});
        return status(request);
    }

private:
    static std::string status(const std::vector<std::string>& to)
    {
        std::vector<std::string> argv{"curl", "-sS",       "--max-time", "30",
                                      "-o",   "/dev/null", "-w",         "%{http_code}"};
        argv.insert(argv.end(), to.begin(), to.end());
        return run(argv).out;
    }
    std::string yaml(const std::string& more)
    {
        write_file(dir_ / "admin", token_ + "\n");
        return "listeners: [{name: hub, bind: '127.0.0.1:0'}]\nplugins:\n  hub: {enabled: true, "
               "required: true, "
               "config: {listener: hub, database: '{dir}/gated.db', admin_token: {file: '" +
               (dir_ / "admin").string() + "'}" + more;
    }

    TempDir dir_;
    const std::string token_ = "admin-" + sha256_hex(dir_.path().string()).substr(0, 32);
    Daemon daemon_;
};

// The hub was started twice, the second one was refused its routes and closed the first one's: 404
// everywhere, while /readyz said 200.
void reload_while_the_hub_starts(bool signal, bool other_config)
{
    HubThatStartsSlowly hub;
    Daemon& daemon = hub.daemon();
    ASSERT_TRUE(wait_for([&] { return hub.waits(); })) << daemon.log();
    ASSERT_TRUE(wait_for([&] { return plugin(daemon).value("state", "") == "starting"; }));
    EXPECT_EQ(hub.ready(), "503");
    hub.rewrite(other_config);
    std::optional<Process> reload;
    if (signal)
        daemon.signal(SIGHUP);
    else
        reload.emplace(Process::Options{.argv = {program("agenthost").string(), "--control-socket",
                                                 daemon.control(), "-c", daemon.config_file(), "reload"}});
    // The reload has been noticed when the control socket has answered after it.
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(wait_for([&] { return daemon.status().is_object(); }));
    EXPECT_EQ(plugin(daemon).value("state", ""), "starting");
    EXPECT_EQ(hub.ready(), "503") << "no route answers yet";
    hub.open();
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    if (reload) {
        EXPECT_EQ(reload->wait(), 0) << reload->err() << daemon.log();
    }
    if (other_config) {
        ASSERT_TRUE(wait_for([&] {
            return daemon.log().find("has its new configuration") != std::string::npos;
        })) << daemon.log();
    }
    ASSERT_TRUE(wait_for([&] { return hub.ready() == "200"; })) << daemon.log();
    EXPECT_EQ(hub.agents(true), "200") << daemon.log();
    EXPECT_EQ(hub.agents(false), "401");
    EXPECT_EQ(times(daemon.log(), "running: version"), 1u) << daemon.log();
    EXPECT_EQ(daemon.log().find("another plugin has claimed it"), std::string::npos) << daemon.log();
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

TEST(Reload, StartsTheHubOnceWhenItReloadsDuringItsStart)
{
    for (const bool signal : {true, false}) {
        for (const bool other_config : {false, true}) {
            SCOPED_TRACE(std::string{signal ? "SIGHUP" : "reload"} +
                         (other_config ? ", other configuration" : ""));
            reload_while_the_hub_starts(signal, other_config);
            if (HasFatalFailure()) return;
        }
    }
}

// The package was upgraded, or the plugin lies elsewhere now.
TEST(Reload, NoticesReplacedPluginFilesAndANewPluginPath)
{
    TempDir folder;
    ::chmod(folder.path().c_str(), 0755);
    const auto put = [&](const std::string& version) {
        for (const char* name : {"hostile.so", "hostile.manifest.json"}) {
            fs::copy_file(fs::path{plugins()} / name, folder / "new");
            fs::rename(folder / "new", folder / name);
        }
        if (version.empty()) return;
        auto manifest = read_file(folder / "hostile.manifest.json");
        manifest.replace(manifest.find("1.0.0"), 5, version);
        write_file(folder / "hostile.manifest.json", manifest);
    };
    put("");
    Daemon daemon{{.yaml = hostile(""), .plugin_path = {folder.path().string()}}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    auto reload = daemon.cli({"reload"});
    EXPECT_NE(reload.out.find("nothing has changed"), std::string::npos) << reload.out;
    put("1.0.1");
    reload = daemon.cli({"reload"});
    EXPECT_EQ(reload.code, 0);
    EXPECT_NE(reload.out.find("Restart agenthost"), std::string::npos) << reload.out;
    auto list = daemon.cli({"plugin", "list"});
    EXPECT_NE(list.out.find("1.0.0, on disk 1.0.1"), std::string::npos) << list.out;

    auto text = read_file(daemon.config_file());
    const auto at = text.find("'" + folder.path().string() + "'");
    ASSERT_NE(at, text.npos);
    text.replace(at, folder.path().string().size() + 2,
                 "'" + folder.path().string() + "', '" + plugins() + "'");
    text.replace(text.find("hostile: {"), 10, "plain: {enabled: true}\n  hostile: {");
    write_file(daemon.config_file(), text);
    reload = daemon.cli({"reload"});
    EXPECT_EQ(reload.code, 0) << reload.err;
    EXPECT_NE(reload.out.find("plugin plain: started"), std::string::npos) << reload.out;
}

TEST(Reload, ReportsNoChangeWhenAChangeWasReverted)
{
    const std::string yaml = hostile("");
    Daemon daemon{{.yaml = yaml, .plugin_path = {plugins()}}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    daemon.rewrite("audit: {file: '{dir}/audit.json'}\njournal: {rows: 5000}\n" + yaml);
    const auto changed = daemon.cli({"reload"});
    EXPECT_NE(changed.out.find("audit.file changes at the next start"), std::string::npos) << changed.out;
    EXPECT_NE(changed.out.find("journal.rows changes at the next start"), std::string::npos) << changed.out;
    daemon.rewrite(yaml);
    const auto back = daemon.cli({"reload"});
    EXPECT_NE(back.out.find("nothing has changed"), std::string::npos) << back.out;
}

// Sessions used to take the new id at once, plugins and built-in actions the old one.
TEST(Reload, KeepsTheAgentIdUntilTheNextStart)
{
    Daemon daemon{{.yaml = "", .id = "node-01"}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    std::string yaml = read_file(daemon.config_file());
    const auto id = yaml.find("node-01");
    ASSERT_NE(id, std::string::npos) << yaml;
    write_file(daemon.config_file(), yaml.replace(id, 7, "node-02"));
    const auto changed = daemon.cli({"reload"});
    EXPECT_NE(changed.out.find("agent.id changes at the next start"), std::string::npos) << changed.out;
    const auto status = daemon.cli({"status", "--json"}), ping = daemon.cli({"call", "host.ping"});
    EXPECT_EQ(status.out.find("node-02"), std::string::npos) << status.out;
    EXPECT_NE(status.out.find("node-01"), std::string::npos) << status.out;
    EXPECT_NE(ping.out.find("node-01"), std::string::npos) << ping.out;
}

TEST(Reload, RetriesAListenerThatCouldNotBeOpened)
{
    const int taken = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(taken, reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::listen(taken, 1), 0);
    ASSERT_EQ(::getsockname(taken, reinterpret_cast<sockaddr*>(&address), &size), 0);
    Daemon daemon{{.yaml = ""}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    daemon.rewrite("listeners: [{name: web, bind: '127.0.0.1:" + std::to_string(ntohs(address.sin_port)) +
                   "'}]\n");
    auto reload = daemon.cli({"reload"});
    EXPECT_EQ(reload.code, 1) << reload.out;
    EXPECT_NE(reload.err.find("listener web"), std::string::npos) << reload.err;
    EXPECT_EQ(daemon.cli({"reload"}).code, 1) << "and not: nothing has changed";
    ::close(taken);
    reload = daemon.cli({"reload"});
    EXPECT_EQ(reload.code, 0) << reload.err;
    EXPECT_NE(reload.out.find("listener web: opened"), std::string::npos) << reload.out;
    EXPECT_NE(daemon.address("web"), "");
}

} // namespace
