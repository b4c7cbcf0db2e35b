// Commands on pipes: what they are given, what is reported of them.
#include "rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/wait.h>

using namespace agenthost::test;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace {

TEST(TerminalRun, SeparatesStdoutAndStderr)
{
    Rig rig;
    const auto ran = rig.sh("echo out; echo err >&2; exit 3");
    EXPECT_EQ(ran.out, "out\n");
    EXPECT_EQ(ran.err, "err\n");
    EXPECT_EQ(ran.exit_code(), 3);
    EXPECT_EQ(ran.reason(), "exit");
    EXPECT_EQ(ran.data.at("bytes"), 8);
    EXPECT_EQ(ran.data.at("dropped"), 0);
    EXPECT_FALSE(rig.tap.disorder);
    EXPECT_THAT(rig.host().mistakes(), testing::IsEmpty());
}

TEST(TerminalRun, PassesArgumentsUnchanged)
{
    Rig rig;
    EXPECT_EQ(rig.run({{"argv", {"printf", "%s|", "a b", "$HOME", "*", "", "'\"\\"}}}).out,
              "a b|$HOME|*||'\"\\|");
}

TEST(TerminalRun, ReportsTheSignalThatEndedACommand)
{
    Rig rig;
    const auto ran = rig.sh("kill -SEGV $$");
    EXPECT_EQ(ran.reason(), "signal");
    EXPECT_EQ(ran.data.at("signal"), "SIGSEGV");
    EXPECT_EQ(ran.exit_code(), 128 + SIGSEGV);
}

TEST(TerminalRun, ReportsTimeAndMemory)
{
    Rig rig;
    const auto ran =
        rig.sh("head -c 60000000 /dev/zero | tail -c 50000000 >/dev/null"); // tail keeps it in memory
    EXPECT_EQ(ran.exit_code(), 0);
    EXPECT_GT(ran.data.at("peak_rss").get<std::uint64_t>(), 40u << 20);
    EXPECT_GT(ran.data.at("cpu_ms").get<int>(), 0);
    EXPECT_GE(ran.data.at("wall_ms").get<int>(), 1);
}

TEST(TerminalRun, SetsFolderEnvironmentAndInput)
{
    TempDir dir;
    std::filesystem::permissions(dir.path(), std::filesystem::perms(0755));
    Rig rig{{{"environment", {{"SITE", "leeds"}}}}};
    const auto ran = rig.sh("pwd; echo $SITE $WORD; cat",
                            {{"cwd", dir.path().string()}, {"env", {{"WORD", "hi"}}}, {"stdin", "typed\n"}});
    EXPECT_EQ(ran.out, dir.path().string() + "\nleeds hi\ntyped\n");
}

TEST(TerminalRun, AcceptsMoreInputThanAPipeHolds)
{
    Rig rig;
    const auto ran = rig.run({{"argv", {"wc", "-c"}}, {"stdin", std::string(900'000, 'x')}});
    EXPECT_EQ(ran.out, "900000\n");
}

TEST(TerminalRun, IgnoresInputThatTheCommandDoesNotRead)
{
    Rig rig;
    EXPECT_EQ(rig.run({{"argv", {"true"}}, {"stdin", std::string(900'000, 'x')}}).exit_code(), 0);
    EXPECT_EQ(rig.sh("exec <&-; sleep 0.1; echo ok", {{"stdin", std::string(900'000, 'x')}}).out, "ok\n");
}

TEST(TerminalRun, HasNoInputUnlessItIsGiven)
{
    Rig rig;
    EXPECT_EQ(rig.run({{"argv", {"cat"}}}).exit_code(), 0); // ends at once: /dev/null
}

TEST(TerminalRun, TypesIntoAPipeThatIsKeptOpen)
{
    Rig rig;
    const auto id = rig.start({{"commandId", "c"}, {"argv", {"cat"}}, {"input", true}});
    ASSERT_TRUE(wait_for([&] { return rig.running("c"); }));
    EXPECT_TRUE(rig.call("input", {{"commandId", "c"}, {"data", "one\n"}}).ok());
    EXPECT_TRUE(rig.wait_out(id, "one\n"));
    EXPECT_TRUE(
        rig.call("input", {{"commandId", "c"}, {"data", "dHdvCg=="}, {"encoding", "base64"}, {"eof", true}})
            .ok());
    const auto ran = rig.finish(id);
    EXPECT_EQ(ran.out, "one\ntwo\n");
    EXPECT_EQ(ran.exit_code(), 0);
}

TEST(TerminalRun, RefusesInputForACommandWithoutInput)
{
    Rig rig;
    const auto id = rig.start({{"commandId", "c"}, {"argv", {"sleep", "1000"}}});
    ASSERT_TRUE(wait_for([&] { return rig.running("c"); }));
    EXPECT_THAT(rig.call("input", {{"commandId", "c"}, {"data", "x"}}).message(),
                HasSubstr("standard input is closed"));
    EXPECT_EQ(rig.call("input", {{"commandId", "other"}, {"data", "x"}}).code(), "COMMAND_NOT_FOUND");
    EXPECT_EQ(rig.call("resize", {{"commandId", "c"}, {"cols", 80}, {"rows", 24}}).code(), "INVALID_REQUEST");
    rig.call("interrupt", {{"commandId", "c"}, {"force", true}});
    rig.finish(id);
}

TEST(TerminalRun, BoundsBufferedInput)
{
    Rig rig;
    const auto id = rig.start({{"commandId", "c"}, {"argv", {"sleep", "1000"}}, {"input", true}});
    ASSERT_TRUE(wait_for([&] { return rig.running("c"); }));
    std::string code;
    for (int i = 0; i < 20 && code.empty(); ++i)
        code = rig.call("input", {{"commandId", "c"}, {"data", std::string(100'000, 'x')}}).code();
    EXPECT_EQ(code, "BUSY");
    rig.call("interrupt", {{"commandId", "c"}, {"force", true}});
    rig.finish(id);
}

TEST(TerminalRun, ReportsWhyACommandCannotStart)
{
    Rig rig;
    EXPECT_EQ(rig.run({{"argv", {"no-such-program"}}}).reason(), "FILE_NOT_FOUND");
    const auto no_folder = rig.sh("true", {{"cwd", "/no/such/folder"}});
    EXPECT_EQ(no_folder.reason(), "FILE_NOT_FOUND");
    EXPECT_THAT(no_folder.reply.message(), HasSubstr("/no/such/folder"));
    TempDir dir;
    std::filesystem::permissions(dir.path(), std::filesystem::perms(0755));
    write_file(dir / "broken", "#!/no/such/interpreter\n", 0755);
    EXPECT_THAT(rig.run({{"argv", {(dir / "broken").string()}}}).reply.message(),
                HasSubstr("cannot execute"));
    EXPECT_EQ(rig.run({{"argv", {"a"}}, {"command", "b"}}).reason(), "INVALID_REQUEST");
    EXPECT_EQ(rig.sh("echo still").out, "still\n"); // and nothing is stuck
}

TEST(TerminalRun, AllowsNothingByDefault)
{
    Rig rig{{{"allow", Json::array()}}};
    EXPECT_EQ(rig.run({{"argv", {"true"}}}).reason(), "DENIED");
    EXPECT_EQ(rig.sh("true").reason(), "DENIED");
}

TEST(TerminalRun, AllowsCommandsThatMatchAPattern)
{
    Rig rig{{{"allow", {"/usr/bin/printf a ...", "/bin/printf a ..."}}}};
    EXPECT_EQ(rig.run({{"argv", {"printf", "a"}}}).out, "a");
    EXPECT_EQ(rig.sh("printf a").out, "a"); // plain words need no shell
    EXPECT_EQ(rig.run({{"argv", {"printf", "b"}}}).reason(), "DENIED");
    EXPECT_EQ(rig.sh("printf a; id").reason(), "DENIED");
    EXPECT_EQ(rig.run({{"argv", {"printf", "a"}}, {"env", {{"LD_PRELOAD", "/tmp/x.so"}}}}).reason(),
              "DENIED");
}

// systemctl is also `reboot`: what a program is depends on the name it is executed by.
struct MultiCall {
    TempDir dir;
    std::filesystem::path tool = dir / "tool", reboot = dir / "reboot";
    explicit MultiCall(bool script)
    {
        std::filesystem::permissions(dir.path(), std::filesystem::perms(0755));
        if (script)
            write_file(tool, "#!/bin/sh\necho \"$0\" \"$@\"\n", 0755);
        else
            std::filesystem::copy_file(std::filesystem::canonical("/bin/sh"), tool);
        std::filesystem::create_symlink("tool", reboot);
    }
};

TEST(TerminalRun, ExecutesTheResolvedTargetOfALink)
{
    const MultiCall script{true}, binary{false};
    Rig rig{{{"allow", {script.tool.string() + " status *", binary.tool.string() + " -c ..."}}}};
    EXPECT_EQ(rig.run({{"argv", {script.reboot.string(), "status", "now"}}}).out,
              script.tool.string() + " status now\n");
    EXPECT_EQ(rig.run({{"argv", {script.reboot.string(), "now"}}}).reason(), "DENIED");
    const auto ran =
        rig.run({{"argv", {binary.reboot.string(), "-c", "echo $0; cat /proc/$$/comm /proc/$$/cmdline"}}});
    EXPECT_THAT(ran.out, StartsWith(binary.tool.string() + "\ntool\n" + binary.tool.string())) << ran.err;
}

TEST(TerminalRun, ExecutesALinkThatIsAllowedByName)
{
    const MultiCall script{true};
    Rig rig{{{"allow", {script.reboot.string()}}}};
    EXPECT_EQ(rig.run({{"argv", {script.reboot.string(), "now"}}}).out, script.reboot.string() + " now\n");
    EXPECT_EQ(rig.run({{"argv", {script.tool.string(), "now"}}}).reason(), "DENIED");
}

TEST(TerminalRun, RefusesAFolderReplacedByALinkInTheQueue)
{
    for (const bool script : {true, false}) {
        TempDir dir;
        std::filesystem::permissions(dir.path(), std::filesystem::perms(0755));
        for (const char* folder : {"good", "evil"}) {
            std::filesystem::create_directory(dir / folder);
            write_file(dir / (std::string{folder} + "/tool"), std::string{"#!/bin/sh\necho "} + folder + "\n",
                       0755);
            if (!script)
                std::filesystem::copy_file(std::filesystem::canonical("/bin/true"),
                                           dir / (std::string{folder} + "/tool"),
                                           std::filesystem::copy_options::overwrite_existing);
        }
        std::filesystem::create_symlink("good/tool", dir / "link");
        Rig rig{{{"allow", {(dir / "good/tool").string(), "/bin/cat", "/usr/bin/cat"}}, {"concurrency", 1}}};
        const auto first = rig.start({{"commandId", "first"}, {"argv", {"cat"}}, {"input", true}});
        ASSERT_TRUE(wait_for([&] { return rig.running("first"); }));
        const auto second = rig.start({{"argv", {(dir / "link").string()}}});
        ASSERT_TRUE(rig.call("list", Json::object()).ok()); // in order: the second has been admitted
        std::filesystem::rename(dir / "good", dir / "moved");
        std::filesystem::create_symlink("evil", dir / "good");
        rig.call("input", {{"commandId", "first"}, {"eof", true}});
        rig.finish(first);
        const auto ran = rig.finish(second);
        EXPECT_EQ(ran.reason(), "DENIED") << ran.out;
        EXPECT_THAT(ran.reply.message(), HasSubstr("symbolic link"));
    }
}

TEST(TerminalRun, SetsTheEnvironmentOfAnInteractiveShell)
{
    Rig rig;
    const passwd* own = ::getpwuid(::geteuid());
    ASSERT_NE(own, nullptr);
    const std::string shell =
        ::access(own->pw_shell, X_OK) == 0 && !std::string{own->pw_shell}.ends_with("nologin") ? own->pw_shell
                                                                                               : "/bin/sh";
    const auto ran = rig.sh("echo $SHELL $HOME $USER $LOGNAME $TERM", {{"pty", true}});
    EXPECT_EQ(ran.out,
              shell + " " + own->pw_dir + " " + own->pw_name + " " + own->pw_name + " xterm-256color\r\n");
    Rig other{{{"shell", "/bin/bash"}}};
    EXPECT_EQ(other.sh("echo $SHELL $BASH").out, "/bin/bash /bin/bash\n");
}

TEST(TerminalRun, InheritsNoDescriptors)
{
    Rig rig;
    std::vector<int> leaked;
    for (int i = 0; i < 50; ++i)
        leaked.push_back(::open("/dev/null", O_RDONLY)); // a library that forgot O_CLOEXEC
    const auto pipes = rig.run({{"argv", {"ls", "/proc/self/fd"}}});
    EXPECT_EQ(pipes.out, "0\n1\n2\n3\n"); // 3: the folder itself
    const auto pty = rig.run({{"argv", {"ls", "-1", "/proc/self/fd"}}, {"pty", true}});
    EXPECT_EQ(pty.out, "0\r\n1\r\n2\r\n3\r\n");
    for (const int fd : leaked) ::close(fd);
}

TEST(TerminalRun, GivesEachCommandASessionOfItsOwn)
{
    Rig rig;
    const auto ids = rig.sh("echo $$; cut -d' ' -f5,6 /proc/$$/stat; ulimit -c");
    const std::string pid = ids.out.substr(0, ids.out.find('\n'));
    EXPECT_EQ(ids.out,
              pid + "\n" + pid + " " + pid + "\n0\n"); // group and session are its own; no core dumps
    const auto signals = rig.run({{"argv", {"grep", "-E", "SigBlk|SigIgn|NoNewPrivs", "/proc/self/status"}}});
    EXPECT_EQ(signals.out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nNoNewPrivs:\t1\n");
}

TEST(TerminalRun, LogsNoArgumentsNoEnvironmentAndNoInput)
{
    Rig rig;
    rig.sh("echo topsecret1; cat", {{"env", {{"TOKEN", "topsecret2"}}}, {"stdin", "topsecret3"}});
    rig.run({{"argv", {"/nonexistent/topsecret"}}, {"env", {{"TOKEN", "topsecret2"}}}});
    bool started = false;
    for (const auto& line : rig.host().logs()) {
        EXPECT_THAT(line.message + line.fields, Not(HasSubstr("topsecret")));
        started = started || line.message.find("command started") != std::string::npos;
    }
    EXPECT_TRUE(started);
}

TEST(TerminalRun, ShowsEachServerOnlyItsOwnCommands)
{
    Rig rig;
    const auto a = rig.start({{"commandId", "same"}, {"argv", {"sleep", "1000"}}}, "a");
    const auto b = rig.start({{"commandId", "same"}, {"argv", {"sleep", "1000"}}}, "b");
    ASSERT_TRUE(wait_for([&] { return rig.running("same", "a") && rig.running("same", "b"); }));
    EXPECT_EQ(rig.finish(rig.start({{"commandId", "same"}, {"argv", {"true"}}}, "a")).reason(), "ID_REUSED");
    EXPECT_EQ(rig.call("interrupt", {{"commandId", "same"}}, "c").code(), "COMMAND_NOT_FOUND");
    EXPECT_TRUE(rig.call("interrupt", {{"commandId", "same"}}, "a").ok());
    EXPECT_EQ(rig.finish(a).reason(), "interrupted");
    EXPECT_TRUE(rig.running("same", "b"));
    EXPECT_EQ(Json::parse(rig.call("list", Json::object(), "c").json).at("commands").size(), 0u);
    EXPECT_TRUE(
        rig.call("interrupt", {{"commandId", "same"}}, "control").ok()); // the machine's own socket sees all
    EXPECT_EQ(rig.finish(b).reason(), "interrupted");
}

TEST(TerminalRun, RunsOnlyAsAllowedUsers)
{
    Rig rig;
    EXPECT_EQ(rig.run({{"argv", {"true"}}, {"run_as", own_name()}}).exit_code(), 0);
    const auto other = rig.run({{"argv", {"true"}}, {"run_as", "nobody"}});
    EXPECT_EQ(other.reason(), "DENIED");
    EXPECT_THAT(other.reply.message(), HasSubstr("run_as_allow"));
}

TEST(TerminalRun, RunsAsAnotherUserWhenRoot)
{
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    Rig rig{{{"run_as", "nobody"}, {"run_as_allow", {"root"}}}};
    const auto ran = rig.sh(
        "id -un; id -ru; id -G; echo $HOME $USER; cat /proc/self/status | grep CapEff; echo x >/dev/stdout");
    EXPECT_THAT(ran.out,
                StartsWith("nobody\n65534\n65534\n/nonexistent nobody\nCapEff:\t0000000000000000\nx\n"));
    EXPECT_EQ(ran.exit_code(), 0) << ran.err;
    EXPECT_EQ(rig.run({{"argv", {"id", "-un"}}, {"run_as", "root"}}).out, "root\n");
    const auto pty = rig.sh("stat -c %U $(tty); echo x >$(tty)", {{"pty", true}});
    EXPECT_THAT(pty.out, AllOf(StartsWith("nobody\r\n"), HasSubstr("x\r\n")));
    TempDir dir; // 0700 and root's
    EXPECT_EQ(rig.sh("true", {{"cwd", dir.path().string()}}).reason(), "DENIED");
}

TEST(TerminalRun, RefusesToStartAsAnUnknownUser)
{
    Rig rig{{{"run_as", "no-such-user-here"}}};
    const auto began = rig.host().start();
    EXPECT_FALSE(began.ok());
    EXPECT_THAT(began.text, AllOf(HasSubstr("run_as"), HasSubstr("no-such-user-here")));
}

TEST(TerminalRun, LimitsFilesMemoryAndCpu)
{
    Rig rig{{{"limits", {{"open_files", 20}, {"memory", "64MiB"}, {"cpu", "1s"}}}, {"cgroup", "off"}}};
    EXPECT_EQ(rig.sh("ulimit -n").out, "20\n");
    // node, Go and Java reserve far more address space than they use: that is not what is limited.
    EXPECT_EQ(rig.sh("ulimit -v; ulimit -d").out, "unlimited\n65536\n");
    const auto memory = rig.sh("head -c 200000000 /dev/zero | tail -c 190000000 | wc -c");
    EXPECT_NE(memory.out, "190000000\n");
    const auto cpu = rig.sh("while :; do :; done");
    EXPECT_EQ(cpu.reason(), "signal");
    EXPECT_THAT(cpu.data.at("signal").get<std::string>(), testing::AnyOf("SIGXCPU", "SIGKILL"));
}

TEST(TerminalRun, ListsRunningAndFinishedCommands)
{
    Rig rig;
    rig.run({{"commandId", "old"}, {"argv", {"echo", "x"}}});
    const auto id = rig.start({{"commandId", "new"}, {"argv", {"sleep", "1000"}}, {"priority", "high"}});
    ASSERT_TRUE(wait_for([&] { return rig.running("new"); }));
    const Json list = Json::parse(rig.call("list", Json::object()).json).at("commands");
    ASSERT_EQ(list.size(), 2u);
    EXPECT_EQ(list[0].at("commandId"), "new");
    EXPECT_EQ(list[0].at("priority"), "high");
    EXPECT_EQ(list[1].at("commandId"), "old");
    EXPECT_EQ(list[1].at("status"), "ended");
    EXPECT_EQ(list[1].at("exit_code"), 0);
    rig.call("interrupt", {{"commandId", "new"}, {"force", true}});
    rig.finish(id);
}

TEST(TerminalRun, AppliesANewConfigurationWithoutEndingCommands)
{
    Rig rig;
    const auto id = rig.start({{"commandId", "c"}, {"argv", {"cat"}}, {"input", true}});
    ASSERT_TRUE(wait_for([&] { return rig.running("c"); }));
    EXPECT_TRUE(rig.host().configure(Json{{"allow", Json::array()}, {"run_as", own_name()}}.dump()).ok());
    EXPECT_FALSE(rig.host().configure(R"({"allow":["relative"]})").ok());
    EXPECT_EQ(rig.run({{"argv", {"true"}}}).reason(), "DENIED");
    rig.call("input", {{"commandId", "c"}, {"data", "x"}, {"eof", true}});
    EXPECT_EQ(rig.finish(id).out, "x");
}

} // namespace
