// How commands come to an end, and that nothing of them stays.
#include "rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>

using namespace agenthost::test;
using namespace std::chrono_literals;
using testing::HasSubstr;

namespace {

std::string children() // of this process: helpers that nobody reaped
{
    std::string all;
    for (const auto& task : std::filesystem::directory_iterator{"/proc/self/task"})
        all += read_file(task.path() / "children");
    return all;
}

std::string cgroup_name(ino_t other, pid_t agent) // of this PID namespace, or of another one
{
    struct stat ns {};
    EXPECT_EQ(::stat("/proc/self/ns/pid", &ns), 0);
    return "agenthost-terminal." + std::to_string(ns.st_ino + other) + "." + std::to_string(agent) + ".";
}

std::vector<std::string> cgroups_of_ours()
{
    std::vector<std::string> found;
    const std::string name = cgroup_name(0, ::getpid());
    for (const char* root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids"}) {
        std::error_code error;
        for (std::filesystem::directory_iterator it{root, error}, end; !error && it != end;
             it.increment(error))
            if (it->path().filename().string().starts_with(name)) found.push_back(it->path().string());
    }
    return found;
}

// Agents in containers may share a hierarchy, where the PID of one means nothing to another.
TEST(TerminalEnd, EndsLeftoversOfADeadAgentInItsNamespaceOnly)
{
    std::string root, line;
    for (std::ifstream groups{"/proc/self/cgroup"}; std::getline(groups, line);)
        for (const char* mount : {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"})
            if (line.starts_with("0::") && root.empty() &&
                std::filesystem::exists(std::string{mount} + "/cgroup.procs"))
                root = mount + line.substr(3);
    Process dead{{.argv = {"true"}}};
    dead.wait();
    Process left{{.argv = {"sleep", "1000"}}}, foreign{{.argv = {"sleep", "1000"}}};
    const std::string ours = root + "/" + cgroup_name(0, dead.pid()) + "1",
                      theirs = root + "/" + cgroup_name(1, dead.pid()) + "1",
                      abandoned = root + "/" + cgroup_name(1, dead.pid()) + "2",
                      just_made = root + "/" + cgroup_name(1, dead.pid()) + "3";
    std::error_code error;
    if (root.empty() || !std::filesystem::create_directory(ours, error))
        GTEST_SKIP() << "no cgroup hierarchy that this user may write to: " << error.message();
    for (const std::string& folder : {theirs, abandoned, just_made})
        std::filesystem::create_directory(folder);
    for (const std::string& folder : {theirs, abandoned})
        std::filesystem::last_write_time(folder, std::filesystem::file_time_type::clock::now() - 1h);
    std::ofstream{ours + "/cgroup.procs"} << left.pid();
    std::ofstream{theirs + "/cgroup.procs"} << foreign.pid();
    ASSERT_EQ(read_file(theirs + "/cgroup.procs"), std::to_string(foreign.pid()) + "\n");
    Rig rig;
    EXPECT_EQ(rig.sh("true").exit_code(), 0);
    EXPECT_EQ(left.wait(), 128 + SIGKILL);
    EXPECT_TRUE(foreign.running());
    EXPECT_FALSE(std::filesystem::exists(abandoned));
    EXPECT_TRUE(std::filesystem::remove(just_made)); // somebody may be about to enter it
    foreign.signal(SIGKILL);
    foreign.wait();
    EXPECT_TRUE(wait_for([&] { // another agent of this machine may be first: it is old and empty now
        std::filesystem::remove(theirs, error);
        return !std::filesystem::exists(theirs);
    }));
    std::filesystem::remove(ours, error); // when the killed one was still in it
}

TEST(TerminalEnd, DoesNotWaitForABackgroundChildThatKeepsStdoutOpen)
{
    TempDir dir;
    std::filesystem::permissions(dir.path(), std::filesystem::perms(0777));
    Rig rig;
    const auto ran = rig.sh("sleep 1000 & echo $! > " + (dir / "pid").string() + "; echo done");
    EXPECT_EQ(ran.out, "done\n");
    EXPECT_EQ(ran.exit_code(), 0);
    EXPECT_FALSE(alive(pid_in(dir / "pid")));
}

TEST(TerminalEnd, EndsADaemonThatLeftSessionAndGroup)
{
    TempDir dir;
    std::filesystem::permissions(dir.path(), std::filesystem::perms(0777));
    for (const bool cgroup : {true, false}) {
        SCOPED_TRACE(cgroup);
        Rig rig{{{"cgroup", cgroup ? "auto" : "off"}}};
        const auto file = (dir / (cgroup ? "a" : "b")).string();
        // Twice forked, twice a session of its own, every signal it can ignore ignored, its parents gone.
        const auto ran = rig.sh("setsid setsid sh -c \"trap '' TERM INT HUP; sh -c 'echo \\$\\$ > " + file +
                                "; exec setsid sleep 1000' & sleep 0.2\" >/dev/null 2>&1 & while ! [ -s " +
                                file + " ]; do sleep 0.01; done; echo up");
        EXPECT_EQ(ran.out, "up\n");
        EXPECT_FALSE(alive(pid_in(file)));
    }
}

TEST(TerminalEnd, StopsAForkBombWithinItsLimits)
{
    const Json limit{{"timeoutMs", 1000}}; // of the bomb, not of what is run after it
    if (::geteuid() == 0) {
        // Root is exempt from RLIMIT_NPROC: a cgroup, or another user.
        Rig rig{{{"run_as", "nobody"}, {"limits", {{"processes", 60}}}, {"grace", "0s"}}};
        const auto ran = rig.sh("f() { f | f & }; f; sleep 1000", limit);
        EXPECT_THAT(ran.reason(), testing::AnyOf("timeout", "exit", "signal"));
        EXPECT_EQ(rig.sh("echo alive").out, "alive\n"); // the bomb's processes no longer count
    } else {
        Rig rig{{{"grace", "0s"}}};
        const auto ran = rig.sh("i=0; while [ $i -lt 200 ]; do sleep 1000 & i=$((i+1)); done; wait", limit);
        EXPECT_EQ(ran.reason(), "timeout");
        EXPECT_EQ(rig.sh("echo alive").out, "alive\n");
    }
    EXPECT_EQ(children(), "");
}

TEST(TerminalEnd, LeavesNoZombiesAndNoCgroups)
{
    {
        Rig rig;
        for (int i = 0; i < 30; ++i)
            rig.sh(i % 3 == 0 ? "kill -9 $$" : i % 3 == 1 ? "sleep 100 & exit 1" : "true");
        rig.run({{"argv", {"no-such"}}});
        rig.sh("true", {{"cwd", "/no/such"}});
        EXPECT_TRUE(wait_for([] { return children().empty(); }));
    }
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_THAT(cgroups_of_ours(), testing::IsEmpty());
}

TEST(TerminalEnd, InterruptsTheWholeGroup)
{
    Rig rig;
    // Two processes of the group hear it: the shell's child ends by it, and the shell goes on to say so.
    const auto id = rig.start({{"commandId", "g"},
                               {"command", "trap : INT; sh -c 'trap \"echo child; exit 1\" INT; echo ready; "
                                           "while :; do sleep 0.02; done'; echo parent"}});
    ASSERT_TRUE(rig.wait_out(id, "ready\n"));
    rig.call("interrupt", {{"commandId", "g"}});
    EXPECT_EQ(rig.finish(id).out, "ready\nchild\nparent\n");
}

TEST(TerminalEnd, ACommandMayHandleAnInterruptItself)
{
    Rig rig;
    const auto id =
        rig.start({{"commandId", "c"},
                   {"command", "trap 'echo int; exit 7' INT; echo ready; while :; do sleep 0.02; done"}});
    ASSERT_TRUE(rig.wait_out(id, "ready\n"));
    const auto said = rig.call("interrupt", {{"commandId", "c"}});
    EXPECT_EQ(Json::parse(said.json).at("status"), "interrupting");
    const auto ran = rig.finish(id);
    EXPECT_EQ(ran.out, "ready\nint\n");
    EXPECT_EQ(ran.exit_code(), 7);
    EXPECT_EQ(ran.reason(), "interrupted");
}

TEST(TerminalEnd, EscalatesToSigtermOnASecondInterrupt)
{
    Rig rig{{{"grace", "14s"}}};
    const auto id =
        rig.start({{"commandId", "t"},
                   {"command", "trap '' INT; trap 'exit 9' TERM; echo ready; while :; do sleep 0.02; done"}});
    ASSERT_TRUE(rig.wait_out(id, "ready\n"));
    rig.call("interrupt", {{"commandId", "t"}});
    rig.call("interrupt", {{"commandId", "t"}}); // the rest of the grace is skipped
    const auto ran = rig.finish(id);
    EXPECT_EQ(ran.exit_code(), 9);
    EXPECT_EQ(ran.reason(), "interrupted");
}

TEST(TerminalEnd, EscalatesToSigkillAfterTheGracePeriods)
{
    Rig rig{{{"grace", "50ms"}}};
    const auto id = rig.start(
        {{"commandId", "k"}, {"command", "trap '' INT TERM; echo ready; while :; do sleep 0.02; done"}});
    ASSERT_TRUE(rig.wait_out(id, "ready\n"));
    rig.call("interrupt", {{"commandId", "k"}});
    const auto ran = rig.finish(id);
    EXPECT_EQ(ran.data.at("signal"), "SIGKILL");
    EXPECT_EQ(ran.reason(), "interrupted");
}

TEST(TerminalEnd, KillsAtOnceWhenForced)
{
    Rig rig{{{"grace", "14s"}}};
    const auto id = rig.start(
        {{"commandId", "k"}, {"command", "trap '' INT TERM; echo ready; while :; do sleep 0.02; done"}});
    ASSERT_TRUE(rig.wait_out(id, "ready\n"));
    rig.call("interrupt", {{"commandId", "k"}, {"force", true}});
    EXPECT_EQ(rig.finish(id).data.at("signal"), "SIGKILL");
}

TEST(TerminalEnd, WakesAStoppedCommandToEndIt)
{
    Rig rig;
    const auto id = rig.start({{"commandId", "s"}, {"command", "echo ready; kill -STOP $$; echo never"}});
    ASSERT_TRUE(rig.wait_out(id, "ready\n"));
    rig.call("interrupt", {{"commandId", "s"}});
    EXPECT_EQ(rig.finish(id).reason(), "interrupted");
}

TEST(TerminalEnd, EndsACommandAtItsTimeout)
{
    Rig rig;
    const auto ran = rig.run({{"argv", {"sleep", "1000"}}, {"timeoutMs", 100}});
    EXPECT_EQ(ran.reason(), "timeout");
    EXPECT_EQ(ran.data.at("signal"), "SIGTERM");
    Rig short_one{{{"timeout", "100ms"}}};
    EXPECT_EQ(short_one.run({{"argv", {"sleep", "1000"}}, {"timeout", 900}}).reason(),
              "timeout"); // the configuration's is the longest
}

TEST(TerminalEnd, SurvivesAnInterruptAtAnyMomentOfTheStart)
{
    Rig rig;
    for (int i = 0; i < 100; ++i) {
        const std::string name = "c" + std::to_string(i);
        const auto id = rig.start({{"commandId", name}, {"argv", {"sleep", "1000"}}, {"pty", i % 2 == 0}});
        if (i % 10 > 0)
            std::this_thread::sleep_for(std::chrono::microseconds{i * 40}); // spread over the start
        rig.call("interrupt", {{"commandId", name}, {"force", i % 4 >= 2}});
        const auto ran = rig.finish(id);
        EXPECT_EQ(ran.reason(), "interrupted") << i;
    }
    EXPECT_TRUE(wait_for([] { return children().empty(); }));
}

TEST(TerminalEnd, CancellingTheRequestInterruptsItsCommand)
{
    Rig rig;
    const auto id = rig.start({{"commandId", "c"}, {"argv", {"sleep", "1000"}}});
    ASSERT_TRUE(wait_for([&] { return rig.running("c"); }));
    rig.host().cancel(id);
    EXPECT_EQ(rig.finish(id).reason(), "interrupted");
}

TEST(TerminalEnd, EndsEverythingWhenThePluginIsDrained)
{
    TempDir dir;
    std::filesystem::permissions(dir.path(), std::filesystem::perms(0777));
    Rig rig{{{"concurrency", 2}, {"grace", "200ms"}}};
    const auto meek = rig.start({{"argv", {"sleep", "1000"}}});
    const auto stubborn = rig.start({{"command", "trap '' INT TERM; echo $$ > " + (dir / "pid").string() +
                                                     "; while :; do sleep 0.02; done"}});
    const auto waiting = rig.start({{"argv", {"sleep", "1000"}}});
    const pid_t pid = pid_in(dir / "pid");
    EXPECT_TRUE(rig.host().drain());
    EXPECT_EQ(rig.finish(meek).reason(), "interrupted");
    EXPECT_EQ(rig.finish(stubborn).reason(), "interrupted");
    EXPECT_EQ(rig.finish(waiting).reason(), "interrupted");
    EXPECT_FALSE(alive(pid));
    EXPECT_EQ(rig.run({{"argv", {"true"}}}).reason(), "BUSY");
}

TEST(TerminalEnd, EndsEverythingWhenThePluginIsDestroyed)
{
    TempDir dir;
    std::filesystem::permissions(dir.path(), std::filesystem::perms(0777));
    pid_t pid = 0;
    {
        Rig rig;
        rig.start({{"command", "setsid sh -c 'echo $$ > " + (dir / "pid").string() + "; exec sleep 1000'"}});
        pid = pid_in(dir / "pid");
        EXPECT_TRUE(alive(pid));
    }
    EXPECT_TRUE(wait_for([&] { return !alive(pid); }));
    EXPECT_EQ(children(), "");
}

TEST(TerminalEnd, EndsTheCommandWhenItsHelperIsKilled)
{
    TempDir dir;
    std::filesystem::permissions(dir.path(), std::filesystem::perms(0777));
    Rig rig;
    const auto id = rig.start(
        {{"commandId", "h"}, {"command", "echo $$ > " + (dir / "pid").string() + "; exec sleep 1000"}});
    const pid_t pid = pid_in(dir / "pid");
    ASSERT_TRUE(wait_for([&] { return rig.running("h"); })); // the helper has said so
    std::ifstream stat{"/proc/" + std::to_string(pid) + "/stat"};
    std::string word, comm, state;
    pid_t helper = 0;
    stat >> word >> comm >> state >> helper;
    ASSERT_EQ(read_file("/proc/" + std::to_string(helper) + "/comm"), "terminal-exec\n");
    ::kill(helper, SIGKILL);
    const auto ran = rig.finish(id);
    EXPECT_EQ(ran.data.value("signal", ran.reply.json), "SIGKILL");
    EXPECT_TRUE(wait_for([&] { return !alive(pid); }));
    EXPECT_EQ(rig.sh("echo next").out, "next\n");
}

TEST(TerminalEnd, RunsTwoHundredCommandsAtOnce)
{
    Rig rig{{{"concurrency", 200}}};
    std::vector<agh_req> ids;
    for (int i = 0; i < 200; ++i)
        ids.push_back(rig.start(
            {{"command", "read x; echo out" + std::to_string(i) + "; exit " + std::to_string(i % 100)},
             {"commandId", "c" + std::to_string(i)},
             {"input", true}}));
    ASSERT_TRUE(wait_for([&] {
        const Json all = Json::parse(rig.call("list", Json::object()).json).at("commands");
        return std::count_if(all.begin(), all.end(), [](const Json& c) { return c.contains("pid"); }) == 200;
    }));
    for (int i = 0; i < 200; ++i)
        rig.call("input", {{"commandId", "c" + std::to_string(i)}, {"data", "go\n"}});
    for (int i = 0; i < 200; ++i) {
        const auto ran = rig.finish(ids[static_cast<std::size_t>(i)]);
        EXPECT_EQ(ran.out, "out" + std::to_string(i) + "\n");
        EXPECT_EQ(ran.exit_code(), i % 100);
    }
    EXPECT_TRUE(wait_for([] { return children().empty(); }));
}

} // namespace
