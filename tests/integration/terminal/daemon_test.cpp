// A real daemon with the terminal plugin: the command line, isolation, stops, kills.
#include "../../support/daemon.hpp"
#include "rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

using namespace agenthost::test;
using namespace std::chrono_literals;
using testing::HasSubstr;

namespace {

std::string yaml(const Json& config = Json::object(), const std::string& isolation = "in-process")
{
    Json all{{"allow", {"*"}}, {"run_as", own_name()}, {"grace", "1s"}};
    all.update(config);
    return "plugins: {terminal: {enabled: true, required: true, isolation: " + isolation +
           ", config: " + all.dump() + "}}\n";
}

struct Terminal : testing::Test {
    std::unique_ptr<Daemon> daemon;
    TempDir dir;
    Terminal() { std::filesystem::permissions(dir.path(), std::filesystem::perms(0777)); }
    void start(const std::string& text, const std::filesystem::path& folder = {})
    {
        daemon =
            std::make_unique<Daemon>(Daemon::Options{.yaml = text, .wrapper = {}, .env = {}, .dir = folder});
        ASSERT_TRUE(daemon->wait_ready()) << daemon->log();
    }
    std::string pid_file(const std::string& name) { return (dir / name).string(); }
    // A call in the background.
    std::unique_ptr<Process> call(const std::vector<std::string>& args)
    {
        std::vector<std::string> argv{program("agenthost").string(),
                                      "--control-socket",
                                      daemon->control(),
                                      "-c",
                                      daemon->config_file(),
                                      "call"};
        argv.insert(argv.end(), args.begin(), args.end());
        return std::make_unique<Process>(Process::Options{
            .argv = argv, .env = {}, .cwd = {}, .input = {}, .out = {}, .err = {}, .keep_fds = {}});
    }
};

TEST_F(Terminal, ACallStreamsAndExitsWithTheCommandsCode)
{
    start(yaml());
    const auto uname = daemon->call("terminal.run", R"({"command":"uname -a"})");
    EXPECT_EQ(uname.code, 0);
    EXPECT_EQ(uname.out, run({"uname", "-a"}).out);
    const auto both = daemon->call("terminal.run", R"({"command":"echo out; echo err >&2; exit 3"})");
    EXPECT_EQ(both.code, 3);
    EXPECT_EQ(both.out, "out\n");
    EXPECT_EQ(both.err, "err\n");
    const auto silent = daemon->call("terminal.run", R"({"argv":["false"]})");
    EXPECT_EQ(silent.code, 1);
    EXPECT_EQ(silent.out, "");
    EXPECT_EQ(daemon->call("terminal.run", R"({"command":"kill -KILL $$"})").code, 137);
    const auto missing = daemon->call("terminal.run", R"({"argv":["no-such"]})");
    EXPECT_EQ(missing.code, 1);
    EXPECT_THAT(missing.err, HasSubstr("FILE_NOT_FOUND"));
    EXPECT_EQ(daemon->call("terminal.run", R"({"command":7})").code, 1); // the manifest's schema
}

TEST_F(Terminal, ALongOutputArrivesWhole)
{
    for (const char* isolation : {"in-process", "process"}) {
        SCOPED_TRACE(isolation);
        start(yaml({{"wait", "60s"}}, isolation));
        std::string expected;
        for (int i = 1; i <= 300'000; ++i) expected += std::to_string(i) + "\n";
        const auto ran = daemon->call("terminal.run", R"({"command":"seq 1 300000"})");
        EXPECT_EQ(ran.code, 0) << ran.err;
        EXPECT_TRUE(ran.out == expected)
            << ran.out.size() << " of " << expected.size() << ran.err << daemon->log();
        EXPECT_EQ(daemon->call("terminal.run", R"({"command":"stty size","pty":{"cols":90,"rows":20}})").out,
                  "20 90\r\n");
    }
}

TEST_F(Terminal, CtrlCOfTheCallerInterruptsTheCommand)
{
    start(yaml());
    const auto caller =
        call({"terminal.run", R"({"command":"echo $$ > )" + pid_file("pid") + R"(; exec sleep 1000"})"});
    const pid_t pid = pid_in(pid_file("pid"));
    caller->signal(SIGINT);
    EXPECT_TRUE(caller->wait());
    EXPECT_TRUE(wait_for([&] { return !alive(pid); }));
}

TEST_F(Terminal, AStopEndsCommandsAndTheirDetachedChildren)
{
    for (const char* isolation : {"in-process", "process"}) {
        SCOPED_TRACE(isolation);
        start("shutdown: {commands: 200ms}\n" + yaml(Json::object(), isolation));
        const auto file = pid_file(std::string{"stop-"} + isolation);
        const auto caller = call({"terminal.run", R"({"command":"setsid sh -c 'echo $$ > )" + file +
                                                      R"(; exec sleep 1000' & sleep 1000"})"});
        const pid_t pid = pid_in(file);
        EXPECT_EQ(daemon->stop(), 0) << daemon->log();
        EXPECT_TRUE(wait_for([&] { return !alive(pid); }));
    }
}

TEST_F(Terminal, AKilledAgentLeavesNoOrphanAndReportsInterrupted)
{
    for (const char* isolation : {"in-process", "process"}) {
        for (const char* cgroup : {"auto", "off"}) {
            SCOPED_TRACE(std::string{isolation} + " " + cgroup);
            TempDir state;
            const std::string name = std::string{"kill-"} + isolation + cgroup;
            start(yaml({{"cgroup", cgroup}}, isolation), state.path());
            const Json params{{"command", "setsid sh -c 'trap \"\" TERM INT HUP; echo $$ > " +
                                              pid_file(name) + "; while :; do sleep 0.1; done' & echo $$ > " +
                                              pid_file(name + "-main") + "; sleep 1000"}};
            const auto caller = call({"--id", name, "terminal.run", params.dump()});
            const pid_t stray = pid_in(pid_file(name)), main = pid_in(pid_file(name + "-main"));
            daemon->kill9();
            EXPECT_TRUE(wait_for([&] { return !alive(stray) && !alive(main); })); // no restart needed
            caller->wait();
            daemon.reset();
            start(yaml({{"cgroup", cgroup}}, isolation), state.path());
            const auto again = daemon->cli({"call", "--id", name, "terminal.run", params.dump()});
            EXPECT_EQ(again.code, 1);
            EXPECT_THAT(again.err, HasSubstr("INTERRUPTED"));
            EXPECT_FALSE(alive(stray));
        }
    }
}

TEST_F(Terminal, ACrashedRunnerLeavesNoOrphan)
{
    start(yaml(Json::object(), "process"));
    const auto caller = call({"terminal.run", R"({"command":"setsid sh -c 'echo $$ > )" + pid_file("pid") +
                                                  R"(; exec sleep 1000' & sleep 1000"})"});
    const pid_t pid = pid_in(pid_file("pid"));
    std::string children;
    for (const auto& task :
         std::filesystem::directory_iterator{"/proc/" + std::to_string(daemon->pid()) + "/task"})
        children += read_file(task.path() / "children");
    pid_t runner = 0;
    for (std::istringstream in{children}; in >> runner;)
        if (read_file("/proc/" + std::to_string(runner) + "/comm").starts_with("agenthost-runne")) break;
    ASSERT_GT(runner, 0) << children;
    ::kill(runner, SIGKILL);
    EXPECT_TRUE(wait_for([&] { return !alive(pid); }));
    EXPECT_NE(caller->wait(), 0);
}

TEST_F(Terminal, IsDisabledUnlessItIsEnabled)
{
    start("");
    EXPECT_THAT(daemon->call("terminal.run", R"({"argv":["true"]})").err, HasSubstr("UNKNOWN_ACTION"));
}

TEST_F(Terminal, AReloadChangesThePolicyAndKeepsRunningCommands)
{
    start(yaml());
    const auto caller = call({"terminal.run", R"({"commandId":"c","command":"echo $$ > )" + pid_file("pid") +
                                                  R"(; read x; echo got $x","input":true})"});
    pid_in(pid_file("pid"));
    daemon->rewrite(yaml({{"allow", {"/usr/bin/uptime"}}}));
    ASSERT_EQ(daemon->cli({"reload"}).code, 0) << daemon->log();
    EXPECT_THAT(daemon->call("terminal.run", R"({"argv":["id"]})").err, HasSubstr("DENIED"));
    EXPECT_EQ(daemon->call("terminal.input", R"({"commandId":"c","data":"it\n"})").code, 0);
    EXPECT_EQ(caller->wait(), 0);
    EXPECT_EQ(caller->out(), "got it\n");
}

} // namespace
