// A real daemon whose plugins start, hang, crash and stop at the wrong moment.
#include "life.hpp"

#include <csignal>
#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <random>

using namespace agenthost::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

// The daemon's end must wait for the plugin that the reload is stopping, and its callbacks find a daemon that
// stops.
TEST(Life, StopsCleanlyWhileAReloadStopsABusyPlugin)
{
    for (const char* commands : {"0s", "2s"}) {
        SCOPED_TRACE(commands);
        const std::string shutdown =
            std::string{"shutdown: {commands: "} + commands + ", sessions: 1s, plugins: 1s}\n";
        Daemon daemon{{.yaml = shutdown + hostile("never_drained"), .plugin_path = {plugins()}}};
        ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
        const Process busy{{.argv = {program("agenthost").string(), "--control-socket", daemon.control(),
                                     "-c", daemon.config_file(), "call", "hostile.never"}}};
        ASSERT_TRUE(wait_for([&] { return plugin(daemon).value("invoked", 0) == 1; })) << daemon.log();
        // What the reload would still do when the plugin has stopped: start a session, answer the command.
        daemon.rewrite(shutdown + "servers: [{name: one, protocol: storage, url: 'ws://127.0.0.1:1/', "
                                  "credential: {env: NOBODY}}]\n");
        Process reload{{.argv = {program("agenthost").string(), "--control-socket", daemon.control(), "-c",
                                 daemon.config_file(), "reload"}}};
        ASSERT_TRUE(wait_for([&] { return plugin(daemon).value("state", "") == "draining"; }))
            << daemon.log();
        EXPECT_EQ(daemon.stop(), 0) << daemon.log();
        EXPECT_NE(daemon.log().find("stopped"), std::string::npos) << daemon.log();
        EXPECT_TRUE(fs::exists(daemon.dir() / "destroyed")) << "it was not waited for: " << daemon.log();
        EXPECT_EQ(reload.wait(), 78) << reload.err();
        EXPECT_NE(reload.err().find("the daemon is stopping"), std::string::npos) << reload.err();
        EXPECT_EQ(daemon.log().find("did not stop in time"), std::string::npos) << daemon.log();
    }
}

// Whoever starts it may have blocked its signals: a parent that handles them in a thread of its own often
// does.
TEST(Life, StopsWhenItsParentHadBlockedTheSignals)
{
    Daemon daemon{{.yaml = "", .wrapper = {"env", "--block-signal"}}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

// LimitFSIZE, ulimit -f: an error of the disk, not a signal that ends the daemon without a word.
TEST(Life, ReportsAnErrorAtTheFileSizeLimit)
{
    Daemon daemon{{.yaml = "", .wrapper = {"prlimit", "--fsize=4096"}}};
    EXPECT_FALSE(daemon.wait_ready()) << daemon.log();
    EXPECT_EQ(daemon.stop(), 1) << daemon.log();
    EXPECT_NE(daemon.log().find("journal"), std::string::npos) << daemon.log();
}

// A monitoring script must not hang with a daemon that hangs.
TEST(Life, CallTimesOutWhileTheDaemonIsSuspended)
{
    Daemon daemon{{.yaml = hostile(""), .plugin_path = {plugins()}}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    daemon.signal(SIGSTOP);
    const auto answer = daemon.cli({"call", "hostile.echo", "{}", "--timeout", "10ms"});
    daemon.signal(SIGCONT);
    EXPECT_EQ(answer.code, 1) << answer.out;
    EXPECT_NE(answer.err.find("has not responded"), std::string::npos) << answer.err;
}

// A process that is stopped (by a debugger, a freezer, SIGSTOP) hears nothing. The daemon's end does not wait
// for it any longer than for others.
TEST(Life, StopsCleanlyWhileARunnerIsSuspended)
{
    for (const bool reload : {false, true}) {
        SCOPED_TRACE(reload);
        Daemon daemon{{.yaml = "shutdown: {commands: 0s, sessions: 0s, plugins: 1s}\n" +
                               hostile("", ", isolation: process"),
                       .plugin_path = {plugins()}}};
        ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
        const int pid = plugin(daemon).value("runner_pid", 0);
        ASSERT_GT(pid, 0);
        ASSERT_EQ(::kill(pid, SIGSTOP), 0);
        std::unique_ptr<Process> waits;
        if (reload) {
            daemon.rewrite("shutdown: {commands: 0s, sessions: 0s, plugins: 1s}\n");
            waits = std::make_unique<Process>(
                Process::Options{.argv = {program("agenthost").string(), "--control-socket", daemon.control(),
                                          "-c", daemon.config_file(), "reload"}});
            ASSERT_TRUE(wait_for([&] { return plugin(daemon).value("state", "") == "draining"; }));
        }
        EXPECT_EQ(daemon.stop(), 0) << daemon.log();
        EXPECT_NE(daemon.log().find("did not answer when it was told to stop, and is killed"),
                  std::string::npos)
            << daemon.log();
        EXPECT_EQ(::kill(pid, 0), -1) << "it is there still";
    }
}

// Where what is loaded of a library ends. Behind it lie names and what a debugger needs, much of it in a
// sanitizer's build.
std::size_t loaded_end(const std::string& library)
{
    Elf64_Ehdr head{};
    std::memcpy(&head, library.data(), sizeof head);
    std::size_t end = 0;
    for (std::size_t i = 0; i < head.e_phnum; ++i) {
        Elf64_Phdr part{};
        std::memcpy(&part, library.data() + head.e_phoff + i * sizeof part, sizeof part);
        if (part.p_type == PT_LOAD) end = std::max<std::size_t>(end, part.p_offset + part.p_filesz);
    }
    return end;
}

// The package's copy met a full disk. In the daemon it would be SIGBUS, at start or in the middle of a
// reload.
TEST(Life, RefusesATruncatedLibrary)
{
    for (const char* isolation : {"in-process", "process"}) {
        SCOPED_TRACE(isolation);
        TempDir folder;
        ::chmod(folder.path().c_str(), 0755);
        const auto whole = read_file(fs::path{plugins()} / "hostile.so");
        fs::copy_file(fs::path{plugins()} / "hostile.manifest.json", folder / "hostile.manifest.json");
        write_file(folder / "hostile.so", whole.substr(0, loaded_end(whole) / 3));
        ::chmod((folder / "hostile.so").c_str(), 0755);
        Daemon daemon{{.yaml = hostile("", std::string{", isolation: "} + isolation),
                       .plugin_path = {folder.path().string()}}};
        ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
        EXPECT_NE(daemon.call("hostile.echo").err.find("is cut short"), std::string::npos) << daemon.log();
        for (const std::size_t size : {0, 10, 100, 1000}) { // its headers are cut
            write_file(folder / "new", whole.substr(0, size));
            ::chmod((folder / "new").c_str(), 0755);
            fs::rename(folder / "new", folder / "hostile.so");
            EXPECT_EQ(daemon.cli({"reload"}).code, 1) << daemon.log();
        }
        write_file(folder / "new", whole);
        ::chmod((folder / "new").c_str(), 0755);
        fs::rename(folder / "new", folder / "hostile.so");
        EXPECT_EQ(daemon.cli({"reload"}).code, 0) << daemon.log();
        EXPECT_EQ(daemon.call("hostile.echo").code, 0) << daemon.log();
        EXPECT_EQ(daemon.stop(), 0) << daemon.log();
    }
}

TEST(Life, ReportsWorkerThreadsThatAPluginBlocks)
{
    Daemon daemon{
        {.yaml = "limits: {cancel_grace: 10ms}\nshutdown: {commands: 0s, sessions: 0s, plugins: 0s}\n" +
                 hostile(""),
         .plugin_path = {plugins()}}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    for (int i = 0; i < 2; ++i)
        EXPECT_NE(daemon.cli({"call", "hostile.block", "{}", "--timeout", "50ms"}).code, 0);
    ASSERT_TRUE(wait_for([&] { return plugin(daemon).value("held_workers", 0) == 2; })) << daemon.log();
    EXPECT_EQ(plugin(daemon).value("state", ""), "stuck");
    const auto health = daemon.cli({"health"});
    EXPECT_EQ(health.code, 1);
    EXPECT_NE(health.out.find("2 of its 2 worker threads are held"), std::string::npos) << health.out;
    const auto refused = daemon.call("hostile.echo");
    EXPECT_NE((refused.err + refused.out).find("is stuck"), std::string::npos) << refused.err << refused.out;
    EXPECT_NE(daemon.log().find("worker threads are held"), std::string::npos) << daemon.log();
    write_file(daemon.dir() / "release", "");
    EXPECT_TRUE(wait_for([&] { return daemon.cli({"health"}).code == 0; })) << daemon.log();
    EXPECT_EQ(daemon.call("hostile.echo").code, 0);
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

TEST(Life, RestartsARunnerWhosePluginBlocks)
{
    Daemon daemon{{.yaml = "limits: {cancel_grace: 10ms}\n" + hostile("", ", isolation: process"),
                   .plugin_path = {plugins()}}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    const int pid = plugin(daemon).value("runner_pid", 0);
    EXPECT_NE(daemon.cli({"call", "hostile.block", "{}", "--timeout", "50ms"}).code, 0);
    ASSERT_TRUE(wait_for([&] { return plugin(daemon).value("restarts", 0) == 1; })) << daemon.log();
    ASSERT_TRUE(wait_for([&] { return daemon.call("hostile.echo").code == 0; })) << daemon.log();
    EXPECT_NE(plugin(daemon).value("runner_pid", 0), pid);
    EXPECT_EQ(::kill(pid, 0), -1);
    EXPECT_NE(daemon.log().find("its runner was killed"), std::string::npos) << daemon.log();
    EXPECT_EQ(daemon.log().find("isolation: process"), std::string::npos) << "it has that already";
    EXPECT_NE(daemon.cli({"status"}).out.find("restarted 1 time"), std::string::npos)
        << daemon.cli({"status"}).out;
    EXPECT_NE(daemon.cli({"plugin", "list"}).out.find("1 restart"), std::string::npos);
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

// It was left failed until somebody reloaded, although a crash a second later would have been retried.
TEST(Life, RestartsARunnerThatCrashesDuringItsFirstStart)
{
    for (const char* call : {"create", "start"}) {
        SCOPED_TRACE(call);
        Daemon daemon{{.yaml = hostile(std::string{"crash_once_"} + call, ", isolation: process"),
                       .plugin_path = {plugins()}}};
        ASSERT_TRUE(wait_for([&] { return plugin(daemon).value("restarts", 0) == 1; })) << daemon.log();
        ASSERT_TRUE(wait_for([&] { return daemon.call("hostile.echo").code == 0; })) << daemon.log();
        EXPECT_NE(daemon.log().find("It is started again in 1 s."), std::string::npos) << daemon.log();
        EXPECT_NE(daemon.log().find("runs again, in runner"), std::string::npos) << daemon.log();
        EXPECT_NE(daemon.cli({"status"}).out.find("restarted 1 time"), std::string::npos);
        EXPECT_EQ(daemon.cli({"health"}).code, 0);
        EXPECT_EQ(daemon.cli({"reload"}).code, 0) << "nothing has changed";
        EXPECT_EQ(daemon.stop(), 0) << daemon.log();
    }
}

TEST(Life, KeepsRestartingARunnerThatCrashesAtEveryStart)
{
    Daemon daemon{{.yaml = hostile("crash_start", ", isolation: process"), .plugin_path = {plugins()}}};
    ASSERT_TRUE(wait_for([&] { return plugin(daemon).value("restarts", 0) >= 2; })) << daemon.log();
    const auto answer = daemon.call("hostile.echo");
    EXPECT_NE((answer.err + answer.out).find("has failed"), std::string::npos) << answer.err << answer.out;
    EXPECT_EQ(daemon.cli({"health"}).code, 1);
    daemon.rewrite(hostile("", ", isolation: process"));
    EXPECT_EQ(daemon.cli({"reload"}).code, 0) << daemon.log();
    EXPECT_EQ(daemon.call("hostile.echo").code, 0) << daemon.log();
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

TEST(Life, TellsCallersWhyAPluginFailed)
{
    Daemon daemon{{.yaml = hostile("fail_start"), .plugin_path = {plugins()}}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    const auto answer = daemon.call("hostile.echo");
    EXPECT_NE((answer.err + answer.out).find("plugin hostile has failed: the device is not there"),
              std::string::npos)
        << answer.err << answer.out;
    EXPECT_EQ(times(daemon.log(), "the device is not there"), 1u) << "said once" << daemon.log();
    const auto reload = daemon.cli({"reload"});
    EXPECT_EQ(reload.code, 1) << reload.out;
    EXPECT_NE(reload.err.find("the device is not there"), std::string::npos) << reload.err;
    daemon.rewrite(hostile(""));
    EXPECT_EQ(daemon.cli({"reload"}).code, 0) << daemon.log();
    EXPECT_EQ(daemon.call("hostile.echo").code, 0);
}

// A plugin holds the main loop for good. The signal is heard all the same, and the end comes within its
// bound: `shutdown` and 20 s.
TEST(Life, StopsInTimeWhenTheMainLoopHangs)
{
    Daemon daemon{{.yaml =
                       "shutdown: {commands: 0s, sessions: 0s, plugins: 0s}\nplugins:\n  blocking: {enabled: "
                       "true, config: {dir: '{dir}'}}\n",
                   .plugin_path = {plugins()}}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    const Process call{{.argv = {program("agenthost").string(), "--control-socket", daemon.control(), "-c",
                                 daemon.config_file(), "call", "blocking.block"}}};
    ASSERT_TRUE(wait_for([&] { return fs::exists(daemon.dir() / "invoke.blocked"); })) << daemon.log();
    EXPECT_EQ(daemon.stop(), 1) << daemon.log();
}

// The order of what happens is drawn; real processes, threads and signals do the rest. The state machine's
// own tests draw many more.
TEST(Life, StopsCleanlyAfterRandomEvents)
{
    const std::vector<std::string> modes{"",      "never_drained", "fail_start", "throw_start",
                                         "least", "fail_configure"};
    for (unsigned seed = 1; seed <= 8; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random{seed};
        const auto pick = [&](std::size_t n) {
            return std::uniform_int_distribution<std::size_t>{0, n - 1}(random);
        };
        const auto any_yaml = [&] {
            std::string yaml = "shutdown: {commands: 0s, sessions: 0s, plugins: 0s}\n";
            if (pick(2) == 0)
                yaml +=
                    "servers: [{name: one, protocol: storage, url: 'ws://127.0.0.1:1/', credential: {env: "
                    "NOBODY}}]\n";
            if (pick(4) == 0) return yaml;
            return yaml + hostile(modes[pick(modes.size())], pick(2) == 0 ? ", isolation: process" : "") +
                   (pick(2) == 0 ? "  plain: {enabled: true}\n" : "");
        };
        Daemon daemon{{.yaml = any_yaml(), .plugin_path = {plugins()}}};
        if (pick(3) != 0) { // else everything happens while it starts
            ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
        }
        // Before that a signal would end the process: it does not handle them yet.
        ASSERT_TRUE(wait_for([&] { return daemon.status().is_object(); })) << daemon.log();
        for (int i = 0; i < 8; ++i) {
            switch (pick(4)) {
            case 0: daemon.cli({"reload"}); break; // waits for it
            case 1:
                if (const int pid = plugin(daemon).value("runner_pid", 0); pid > 0) ::kill(pid, SIGKILL);
                break;
            case 2: daemon.call("hostile.echo", R"({"a":1})"); break;
            default:
                daemon.rewrite(any_yaml());
                daemon.signal(SIGHUP);
                break;
            }
        }
        ASSERT_EQ(daemon.stop(), 0) << daemon.log();
        EXPECT_EQ(daemon.log().find("did not stop in time"), std::string::npos) << daemon.log();
    }
}

} // namespace
