// What is particular to a process: it dies, it inherits nothing, it leaves nothing behind, and whatever it
// says cannot hurt the host.
#include "isolated.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/wait.h>

#include <csignal>

namespace {

using agenthost::host::RunnerSpec;
using agenthost::test::TempDir;
using agenthost::test::wait_for;
using agenthost::testing::FakeHost;
using namespace std::chrono_literals;

// Gone, or at most a corpse that somebody else has to reap.
bool ended(pid_t pid)
{
    std::FILE* const stat = std::fopen(("/proc/" + std::to_string(pid) + "/stat").c_str(), "r");
    if (stat == nullptr) return true;
    char state = '?';
    const int read = std::fscanf(stat, "%*d (%*[^)]) %c", &state);
    std::fclose(stat);
    return read == 1 && state == 'Z';
}
bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD; }

TEST(Runner, AnswersOpenRequestsWithUnknownWhenItIsKilled)
{
    Isolated isolated;
    FakeHost host{isolated.entry()};
    const agh_req first = host.invoke("sdk_probe.keep"), second = host.invoke("sdk_probe.poll");
    ASSERT_TRUE(host.wait([&] { return host.progress(first).size() + host.progress(second).size() == 2; }));
    const int pid = isolated.pid();
    ::kill(pid, SIGKILL);
    for (const agh_req id : {first, second}) {
        const auto reply = host.wait_reply(id);
        EXPECT_EQ(reply.status, AGH_E_INTERNAL);
        EXPECT_EQ(reply.flags, AGH_REPLY_UNKNOWN);
        EXPECT_EQ(reply.code(), "INTERNAL");
        EXPECT_NE(reply.message().find("the runner of sdk_probe (pid " + std::to_string(pid) +
                                       ") died: signal 9 (Killed)"),
                  std::string::npos);
    }
    ASSERT_TRUE(wait_for([&] { return isolated.deaths().size() == 1; }));
    EXPECT_NE(isolated.deaths()[0].find("signal 9"), std::string::npos);
    EXPECT_FALSE(has_children()); // reaped
    EXPECT_EQ(isolated.pid(), 0);
    EXPECT_EQ(host.call("sdk_probe.echo").status, AGH_E_CLOSED);
    EXPECT_EQ(host.configure("{}").status, AGH_E_CLOSED);
    host.destroy();
    EXPECT_EQ(isolated.deaths().size(), 1u);
}

TEST(Runner, ReportsACrashedPlugin)
{
    Isolated isolated;
    FakeHost host{isolated.entry()};
    EXPECT_EQ(host.call("sdk_probe.die").flags, AGH_REPLY_UNKNOWN);
    EXPECT_TRUE(wait_for([&] { return isolated.deaths().size() == 1; }));
}

TEST(Runner, LeavesNothingBehindWhenItIsDestroyed)
{
    Isolated isolated;
    {
        FakeHost host{isolated.entry()};
        host.start();
        const int pid = isolated.pid();
        EXPECT_GT(pid, 0);
        host.destroy();
        EXPECT_TRUE(ended(pid));
    }
    EXPECT_FALSE(has_children());
    EXPECT_TRUE(isolated.deaths().empty());
}

TEST(Runner, InheritsNoDescriptorAndNoSecret)
{
    ::setenv("AGENTHOST__SECRET", "swordfish", 1);
    const int leaky = ::memfd_create("leaky", 0); // without close-on-exec
    Isolated isolated;
    FakeHost host{isolated.entry()};
    ASSERT_TRUE(host.start().ok());
    const std::string proc = "/proc/" + std::to_string(isolated.pid());
    for (const auto& entry : std::filesystem::directory_iterator{proc + "/fd"}) {
        std::error_code gone;
        const std::string target = std::filesystem::read_symlink(entry.path(), gone);
        EXPECT_EQ(target.find("leaky"), std::string::npos);
        EXPECT_EQ(target.find("pipe:") != std::string::npos && entry.path().filename() != "2", false)
            << entry.path() << target;
    }
    const std::string env = agenthost::test::read_file(proc + "/environ");
    EXPECT_EQ(env.find("swordfish"), std::string::npos);
    EXPECT_NE(env.find("PATH="), std::string::npos);
    ::close(leaky);
    ::unsetenv("AGENTHOST__SECRET");
}

TEST(Runner, SurvivesTheSignalsOfATerminal)
{
    Isolated isolated;
    FakeHost host{isolated.entry()};
    ASSERT_TRUE(host.start().ok());
    EXPECT_NE(::getpgid(isolated.pid()), ::getpgid(0));
    for (const int sig : {SIGINT, SIGTERM, SIGHUP}) ::kill(isolated.pid(), sig);
    EXPECT_EQ(host.call("sdk_probe.echo").json, "{}");
}

// In a process of its own, which is killed: the runner must not outlive it, even while its plugin hangs.
TEST(Runner, DoesNotOutliveItsHost)
{
    for (const char* config : {"{}", R"({"hang_start":1})"}) {
        int pipe[2];
        ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
        const pid_t child = ::fork();
        if (child == 0) {
            static Isolated isolated;
            static FakeHost host{isolated.entry(), config};
            if (!host.create().ok()) ::_exit(1);
            const int pid = isolated.pid();
            (void)!::write(pipe[1], &pid, sizeof pid);
            host.start();
            ::pause();
        }
        int pid = 0;
        ASSERT_EQ(::read(pipe[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
        EXPECT_FALSE(ended(pid));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        EXPECT_TRUE(wait_for([&] { return ended(pid); })) << config;
        ::close(pipe[0]);
        ::close(pipe[1]);
    }
}

TEST(Runner, ReportsWhatIsMissingWhenItCannotStart)
{
    Isolated isolated;
    isolated.spec.runner_program = "/nowhere/agenthost-runner";
    FakeHost host{isolated.entry()};
    const auto said = host.create();
    EXPECT_EQ(said.status, AGH_E_CLOSED);
    EXPECT_EQ(
        said.text,
        "cannot start the runner /nowhere/agenthost-runner: No such file or directory. Reinstall agenthost: "
        "agenthost-runner must be in its lib/agenthost.");
}

TEST(Runner, ReportsTheProblemOfALibrary)
{
    Isolated isolated;
    isolated.spec.library = isolated.spec.runner_program;
    FakeHost host{isolated.entry()};
    EXPECT_NE(host.create().text.find("agenthost-runner"), std::string::npos);
    isolated.spec.library = "/nowhere/x.so";
    EXPECT_NE(host.create().text.find("/nowhere/x.so"), std::string::npos);
    EXPECT_FALSE(has_children());
    EXPECT_TRUE(isolated.deaths().empty());
}

TEST(Runner, RefusesToBeStartedByAUser)
{
    const auto ran = agenthost::test::run({agenthost::test::binary_dir() / "lib/agenthost/agenthost-runner"});
    EXPECT_EQ(ran.code, 2);
    EXPECT_NE(ran.err.find("started by agenthost"), std::string::npos);
}

TEST(Runner, KillsAHangingPlugin)
{
    Isolated isolated;
    isolated.spec.life_timeout_ms = 200;
    FakeHost host{isolated.entry(), R"({"hang_start":1})"};
    const auto said = host.start(); // destroys it, too
    EXPECT_EQ(said.status, AGH_E_DEADLINE);
    EXPECT_FALSE(has_children());
}

// --- runners that do one thing wrong (bad/bad_runner.cpp) ---

class BadRunner : public testing::Test {
protected:
    void be(const std::string& mode)
    {
        const auto name = dir_ / ("bad-" + mode);
        std::filesystem::create_symlink(agenthost::test::binary_dir() / "tests/bad_runner", name);
        isolated.spec.runner_program = name;
    }
    TempDir dir_;
    Isolated isolated;
};

class Garbage : public BadRunner, public testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(Each, Garbage,
                         testing::Values("unknown-type", "huge-frame", "half-frame", "truncated-fields",
                                         "long-length", "missing-fds", "two-answers", "beyond-window",
                                         "many-fds"),
                         [](const auto& info) {
                             std::string name = info.param;
                             std::erase(name, '-');
                             return name;
                         });

TEST_P(Garbage, EndsTheRunnerAndAnswersTheRequest)
{
    be(GetParam());
    FakeHost host{isolated.entry()};
    ASSERT_TRUE(host.start().ok());
    host.stream_budget(0);
    const auto reply = host.wait_reply(host.invoke("sdk_probe.echo"));
    if (GetParam() == "two-answers") {
        EXPECT_EQ(reply.json, "1"); // the first was whole
    } else {
        EXPECT_EQ(reply.flags, AGH_REPLY_UNKNOWN);
    }
    ASSERT_TRUE(wait_for([&] { return isolated.deaths().size() == 1; }));
    if (GetParam() != "half-frame") {
        EXPECT_NE(isolated.deaths()[0].find("it sent"), std::string::npos) << isolated.deaths()[0];
    } else {
        EXPECT_NE(isolated.deaths()[0].find("exit code 3"), std::string::npos) << isolated.deaths()[0];
    }
    EXPECT_FALSE(has_children());
}

TEST_F(BadRunner, CannotAnswerForAnotherPlugin)
{
    be("strangers");
    FakeHost host{isolated.entry()};
    host.on_call = [](std::string_view, std::string_view) {
        return agenthost::testing::FakeReply{.json = "1"};
    };
    ASSERT_TRUE(host.start().ok());
    EXPECT_EQ(host.call("sdk_probe.echo").json, R"("own")");
    EXPECT_TRUE(host.mistakes().empty()); // the host was never asked about an id that is not this plugin's
    EXPECT_TRUE(host.events().empty());
    EXPECT_FALSE(host.drain(0ms)); // and its "drained" before anyone asked was not passed on
    EXPECT_TRUE(isolated.deaths().empty());
}

TEST_F(BadRunner, CannotMakeTheHostReadFromAPipe)
{
    be("pipe-as-file");
    FakeHost host{isolated.entry()};
    const auto reply = host.call("sdk_probe.echo");
    EXPECT_EQ(reply.status, AGH_E_INTERNAL);
    EXPECT_NE(reply.message().find("not a regular file"), std::string::npos);
}

TEST_F(BadRunner, GetsAnErrorForInvalidJson)
{
    be("not-json");
    FakeHost host{isolated.entry()};
    EXPECT_NE(host.call("sdk_probe.echo").message().find("invalid JSON"), std::string::npos);
}

TEST_F(BadRunner, CausesNoHarmWithRandomMessages)
{
    for (int seed = 1; seed <= 40; ++seed) {
        be("random" + std::to_string(seed));
        FakeHost host{isolated.entry()};
        ASSERT_TRUE(host.start().ok());
        const auto reply = host.call("sdk_probe.echo");
        EXPECT_LE(reply.status, AGH_OK);
        host.destroy();
        EXPECT_FALSE(has_children());
    }
}

TEST_F(BadRunner, AnExitDuringCreateIsReported)
{
    be("exits");
    FakeHost host{isolated.entry()};
    EXPECT_NE(host.create().text.find("exit code 7"), std::string::npos);
    EXPECT_TRUE(isolated.deaths().empty()); // create() said so
    EXPECT_FALSE(has_children());
}

TEST_F(BadRunner, ThatNeverAnswersTimesOut)
{
    be("mute");
    isolated.spec.life_timeout_ms = 100;
    FakeHost host{isolated.entry()};
    EXPECT_EQ(host.create().status, AGH_E_DEADLINE);
    EXPECT_FALSE(has_children());
}

TEST_F(BadRunner, ThatDoesNotReadIsBusyAndBlocksNoOther)
{
    be("deaf");
    isolated.spec.life_timeout_ms = 2000; // create() must fit in, on a busy machine, too
    FakeHost host{isolated.entry()};
    ASSERT_TRUE(host.create().ok());
    const std::string params = "{\"x\":\"" + std::string(1'000'000, 'x') + "\"}";
    int taken = 0;
    agh_status said = AGH_PENDING;
    const auto began = std::chrono::steady_clock::now();
    while (said == AGH_PENDING && taken < 100) {
        agh_error error{};
        error.size = sizeof error;
        const agh_request request{.size = sizeof(agh_request),
                                  .id = 1000u + static_cast<unsigned>(taken),
                                  .action = agenthost::to_bytes("sdk_probe.echo"),
                                  .params = agenthost::to_bytes(params)};
        said = isolated.api->invoke(isolated.plugin, &request, &error); // FakeHost would start() it first
        if (said == AGH_PENDING) ++taken;
    }
    EXPECT_EQ(said, AGH_E_BUSY);
    EXPECT_GT(taken, 2);
    EXPECT_LT(taken, 10);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
    host.destroy();
    EXPECT_FALSE(has_children());
}

} // namespace
