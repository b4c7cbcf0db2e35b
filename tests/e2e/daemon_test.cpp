// The daemon by itself: calls without a server, reload, stop, watchdog, plugins that fail.
#include "../support/daemon.hpp"

#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace agenthost::test;
using nlohmann::json;

namespace {

const std::string storage = "plugins:\n  storage: {enabled: true, required: true, config: {storage_path: "
                            "'{dir}/files', reserve_free: 1MiB}}\n";

TEST(DaemonAlone, AnswersACallWithoutAnyServer)
{
    Daemon daemon{{.yaml = storage}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    const auto info = daemon.cli({"--json", "call", "storage.info"});
    EXPECT_EQ(info.code, 0) << info.err;
    EXPECT_NE(info.out.find("free_bytes"), std::string::npos) << info.out;
    const auto unknown = daemon.call("storage.inof");
    EXPECT_EQ(unknown.code, 1);
    EXPECT_NE((unknown.err + unknown.out).find("Unknown action: storage.inof"), std::string::npos)
        << unknown.err;
    const auto bad = daemon.call("storage.upload", R"({"file_info":{"id":7},"download_url":"http://x/"})");
    EXPECT_EQ(bad.code, 1);
    EXPECT_NE((bad.err + bad.out).find("/file_info/id"), std::string::npos) << bad.err << bad.out;
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

TEST(DaemonAlone, KeepsItsSocketAndStatePrivate)
{
    Daemon daemon{{.yaml = storage}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    struct stat info {};
    ASSERT_EQ(::stat(daemon.control().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    ASSERT_EQ(::stat((daemon.dir() / "state").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST(DaemonAlone, RefusesTheStateDirectoryOfAnotherDaemon)
{
    TempDir dir;
    Daemon first{{.yaml = "", .dir = dir / "d"}};
    ASSERT_TRUE(first.wait_ready()) << first.log();
    Daemon second{{.yaml = "", .dir = dir / "d"}};
    EXPECT_FALSE(second.wait_ready());
    EXPECT_NE(second.log().find("another agenthost uses the state directory"), std::string::npos)
        << second.log();
    EXPECT_TRUE(first.running());
}

TEST(DaemonAlone, KeepsTheOldConfigurationWhenAReloadFails)
{
    Daemon daemon{{.yaml = storage}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    daemon.rewrite("plugins:\n  storage: {enabeld: true}\n");
    const auto ran = daemon.cli({"reload"});
    EXPECT_NE(ran.code, 0);
    EXPECT_NE((ran.err + ran.out).find("enabeld"), std::string::npos) << ran.err << ran.out;
    EXPECT_EQ(daemon.call("storage.info").code, 0);
    daemon.signal(SIGHUP);
    ASSERT_TRUE(wait_for([&] {
        return daemon.log().find("the old configuration stays") != std::string::npos;
    })) << daemon.log();
    EXPECT_EQ(daemon.call("storage.info").code, 0);
}

// A tool that writes the file in place has emptied it, or has removed it, when the reload comes.
TEST(DaemonAlone, KeepsTheOldConfigurationWhenTheFileIsEmptyOrGone)
{
    Daemon daemon{{.yaml = storage}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    write_file(daemon.config_file(), "");
    auto ran = daemon.cli({"reload"});
    EXPECT_NE(ran.code, 0);
    EXPECT_NE((ran.err + ran.out).find("is empty"), std::string::npos) << ran.err << ran.out;
    EXPECT_EQ(daemon.call("storage.info").code, 0) << daemon.log();
    std::filesystem::remove(daemon.config_file());
    daemon.signal(SIGHUP);
    ASSERT_TRUE(wait_for([&] { return daemon.log().find("there is no such file") != std::string::npos; }))
        << daemon.log();
    EXPECT_EQ(daemon.call("storage.info").code, 0) << daemon.log();
}

TEST(DaemonAlone, ReloadAddsAndRemovesServersWithoutTouchingOthers)
{
    Daemon daemon{{.yaml = storage}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    const auto server = [](const std::string& name) {
        return "{name: " + name + ", protocol: storage, url: 'ws://127.0.0.1:1/', credential: {env: NOBODY}}";
    };
    daemon.rewrite("servers: [" + server("one") + "]\n" + storage);
    EXPECT_EQ(daemon.cli({"reload"}).code, 0) << daemon.log();
    EXPECT_TRUE(wait_for([&] { return daemon.session_state("one") != ""; }));
    daemon.rewrite("servers: [" + server("two") + "]\n" + storage);
    EXPECT_EQ(daemon.cli({"reload"}).code, 0) << daemon.log();
    EXPECT_TRUE(
        wait_for([&] { return daemon.session_state("one").empty() && daemon.session_state("two") != ""; }));
    daemon.rewrite("");
    EXPECT_EQ(daemon.cli({"reload"}).code, 0) << daemon.log();
    EXPECT_TRUE(wait_for([&] { return daemon.session_state("two").empty(); }));
    EXPECT_EQ(daemon.call("storage.info").code, 1); // the plugin is gone
    daemon.rewrite(storage);
    EXPECT_EQ(daemon.cli({"reload"}).code, 0) << daemon.log();
    EXPECT_EQ(daemon.call("storage.info").code, 0) << daemon.log(); // and back
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

// The certificate's mount is dead: opening it does not return. Everything else goes on, and the new one
// counts when it is there.
TEST(DaemonAlone, ABlockedCertificateReadDelaysOnlyTheReload)
{
    TestCa ca;
    TempDir dir;
    const auto [certificate, key] = ca.issue("first", "IP:127.0.0.1");
    const auto [second, second_key] = ca.issue("second", "IP:127.0.0.1");
    const auto mounted = dir / "server.pem";
    write_file(mounted, read_file(certificate));
    write_file(dir / "server.key", read_file(key));
    Daemon daemon{{.yaml = "listeners: [{name: web, bind: '127.0.0.1:0', tls: {certificate: '" +
                           mounted.string() + "', key: '" + (dir / "server.key").string() + "'}}]\n" +
                           storage}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    const std::string address = daemon.address("web").substr(8);
    const auto subject = [&] {
        return run({"/bin/sh", "-c",
                    "openssl s_client -connect $0 </dev/null 2>/dev/null | openssl x509 -noout -subject",
                    address})
            .out;
    };
    EXPECT_NE(subject().find("first"), std::string::npos);

    std::filesystem::remove(mounted);
    ASSERT_EQ(::mkfifo(mounted.c_str(), 0600), 0);
    write_file(dir / "server.key", read_file(second_key));
    daemon.signal(SIGHUP);
    int writer = -1;
    ASSERT_TRUE(wait_for([&] { // somebody is reading it
        writer = ::open(mounted.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        return writer >= 0;
    })) << daemon.log();
    EXPECT_EQ(daemon.call("storage.info").code, 0) << daemon.log();
    EXPECT_NE(subject().find("first"), std::string::npos);

    const std::string text = read_file(second);
    std::filesystem::remove(mounted); // whoever opens it anew finds a file
    write_file(mounted, text);
    ASSERT_EQ(::write(writer, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(writer);
    EXPECT_TRUE(wait_for([&] { return subject().find("second") != std::string::npos; })) << daemon.log();
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

TEST(DaemonAlone, FeedsTheWatchdogFromItsLoop)
{
    TempDir dir;
    const auto path = (dir / "n").string();
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    write_file(dir / "c.yaml", "agent: {state_dir: '" + (dir / "state").string() + "'}\ncontrol: {socket: '" +
                                   (dir / "s").string() + "'}\n");
    Process daemon{{.argv = {program("agenthost").string(), "run", "-c", (dir / "c.yaml").string()},
                    .env = {{"NOTIFY_SOCKET", path}, {"WATCHDOG_USEC", "200000"}}}};
    std::string seen;
    int fed = 0;
    for (char text[512]; fed < 3;) {
        pollfd p{fd, POLLIN, 0};
        ASSERT_EQ(::poll(&p, 1, 60'000), 1) << seen << daemon.err();
        const auto n = ::recv(fd, text, sizeof text, 0);
        ASSERT_GT(n, 0);
        seen.append(text, static_cast<std::size_t>(n)) += "\n";
        fed +=
            std::string_view{text, static_cast<std::size_t>(n)}.find("WATCHDOG=1") != std::string_view::npos;
    }
    EXPECT_NE(seen.find("READY=1"), std::string::npos);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), 0);
    ::close(fd);
}

TEST(DaemonAlone, RunsWithoutAMissingOptionalPlugin)
{
    Daemon daemon{{.yaml = "plugins:\n  storage: {enabled: true, config: {storage_path: '{dir}/files', "
                           "reserve_free: 1MiB}}\n  nosuch: {enabled: true}\n"}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    EXPECT_EQ(daemon.call("storage.info").code, 0);
    const auto health = daemon.cli({"health"});
    EXPECT_EQ(health.code, 1);
    EXPECT_NE((health.out + health.err).find("nosuch"), std::string::npos) << health.out;
}

TEST(DaemonAlone, StopsWhenARequiredPluginFails)
{
    Daemon daemon{{.yaml = "plugins:\n  nosuch: {enabled: true, required: true}\n"}};
    EXPECT_FALSE(daemon.wait_ready());
    EXPECT_TRUE(wait_for([&] { return !daemon.running(); }));
    EXPECT_NE(daemon.log().find("a required plugin failed"), std::string::npos) << daemon.log();
}

TEST(DaemonAlone, ChecksAPluginsConfigurationBeforeItsStart)
{
    Daemon daemon{{.yaml = "plugins:\n  storage: {enabled: true, config: {storage_path: 7}}\n"}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    const auto status = daemon.status();
    EXPECT_NE(status["plugins"][0]["problem"].get<std::string>().find(
                  "plugins.storage.config.storage_path: must be a string"),
              std::string::npos)
        << status.dump(1);
}

TEST(DaemonAlone, RestartsAnIsolatedPluginAfterItsRunnerIsKilled)
{
    Daemon daemon{{.yaml = "plugins:\n  storage: {enabled: true, isolation: process, config: {storage_path: "
                           "'{dir}/files', reserve_free: 1MiB}}\n"}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    ASSERT_EQ(daemon.call("storage.info").code, 0) << daemon.log();
    const int pid = daemon.status()["plugins"][0]["runner_pid"];
    ASSERT_GT(pid, 0);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    EXPECT_TRUE(wait_for([&] {
        const auto status = daemon.status();
        const int now = status.is_object() ? status["plugins"][0]["runner_pid"].get<int>() : 0;
        return now > 0 && now != pid && daemon.call("storage.info").code == 0;
    })) << daemon.log();
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

TEST(DaemonAlone, ServesHealthAndMetricsOnALoopbackPort)
{
    Daemon daemon{{.yaml = "metrics: {bind: '127.0.0.1:0'}\n" + storage}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    EXPECT_EQ(daemon.call("made.up").code, 1);
    ASSERT_EQ(daemon.call("storage.info").code, 0);
    const auto address = daemon.address("metrics");
    const auto metrics = run({"curl", "-sS", address + "/metrics"});
    EXPECT_NE(metrics.out.find("agenthost_commands_total{action=\"storage.info\",outcome=\"success\"} 1"),
              std::string::npos)
        << metrics.out;
    EXPECT_EQ(metrics.out.find("made.up"), std::string::npos) << "a peer's word became a label";
    EXPECT_NE(metrics.out.find("action=\"other\",outcome=\"error\"} 1"), std::string::npos) << metrics.out;
    EXPECT_EQ(run({"curl", "-sS", address + "/healthz"}).out, "ok\n");
    EXPECT_EQ(run({"curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", address + "/v1/status"}).out,
              "404"); // only on the socket
}

} // namespace
