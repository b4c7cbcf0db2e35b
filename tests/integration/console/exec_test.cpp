// agenthost hub exec: as if the command ran here.
#include "fixture.hpp"

#include <csignal>

using namespace agenthost::test;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

namespace {

class Exec : public Person {};
INSTANTIATE_TEST_SUITE_P(, Exec, testing::Values("dashboard"));

TEST_P(Exec, SeparatesStdoutAndStderrAndReturnsTheExitCode)
{
    boot();
    const Ran both = hub({"exec", "node-01", "--", "sh", "-c", "echo out; echo err >&2; exit 3"});
    EXPECT_EQ(both.code, 3);
    EXPECT_EQ(both.out, "out\n");
    EXPECT_EQ(both.err, "err\n");
    const Ran silent = hub({"exec", "node-01", "--", "true"});
    EXPECT_EQ(silent.code, 0);
    EXPECT_EQ(silent.out + silent.err, "");
    EXPECT_EQ(hub({"exec", "node-01", "--", "sh", "-c", "kill -KILL $$"}).code, 128 + SIGKILL);
    EXPECT_EQ(hub({"exec", "node-01", "--command", "echo a b | tr a c"}).out, "c b\n");
}

TEST_P(Exec, PassesFolderEnvironmentTimeoutAndUser)
{
    boot();
    EXPECT_EQ(hub({"exec", "node-01", "--cwd", "/usr", "--env", "A=1 2", "--priority", "high", "--", "sh",
                   "-c", "pwd; echo $A"})
                  .out,
              "/usr\n1 2\n");
    const Ran late = hub({"exec", "node-01", "--timeout", "300ms", "--", "sleep", "1000"});
    EXPECT_EQ(late.code, 124) << late.err;
    const Ran denied = hub({"exec", "node-01", "--run-as", "nobody", "--", "true"});
    EXPECT_EQ(denied.code, 125);
    EXPECT_THAT(denied.err, HasSubstr("run_as_allow"));
    const Ran json = hub({"exec", "node-01", "--json", "--", "sh", "-c", "exit 2"});
    EXPECT_EQ(json.code, 2);
    EXPECT_THAT(json.err, HasSubstr("\"exit_code\":2"));
}

TEST_P(Exec, ReportsWhyACommandCannotRun)
{
    boot({{"allow", {"/usr/bin/true"}}});
    const Ran unknown = hub({"exec", "nobody", "--", "true"});
    EXPECT_EQ(unknown.code, 125);
    EXPECT_THAT(unknown.err, HasSubstr("does not know agent nobody"));
    const Ran denied = hub({"exec", "node-01", "--", "/bin/echo", "x"});
    EXPECT_EQ(denied.code, 125);
    EXPECT_THAT(denied.err, HasSubstr("is not allowed here"));
    const Ran missing = hub({"exec", "node-01", "--", "/no/such"});
    EXPECT_EQ(missing.code, 127);
    EXPECT_THAT(missing.err, HasSubstr("/no/such"));
    const Ran usage = hub({"exec", "node-01", "true"});
    EXPECT_EQ(usage.code, 125);
    EXPECT_THAT(usage.err, HasSubstr("agenthost hub exec node-01 -- true"));
    EXPECT_EQ(hub({"exec", "node-01"}).code, 125);

    agent_->stop();
    ASSERT_TRUE(wait_for([&] { return !online(); }));
    const Ran offline = hub({"exec", "node-01", "--", "true"});
    EXPECT_EQ(offline.code, 125);
    EXPECT_THAT(offline.err, HasSubstr("Agent node-01 is not connected"));
    hub_->stop();
    const Ran alone = hub({"exec", "node-01", "--", "true"});
    EXPECT_EQ(alone.code, 125);
    EXPECT_THAT(alone.err, HasSubstr("no daemon answers"));
}

TEST_P(Exec, PipesAMebibyteThroughBothWays)
{
    boot();
    const std::string bytes = random_bytes(1 << 20, 7); // no text: not a byte may change
    write_file(dir_ / "in", bytes);
    const auto in = (dir_ / "in").string(), out = (dir_ / "out").string();
    const Ran ran = hub({"exec", "node-01", "--", "cat"}, "< " + in + " > " + out);
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.err, "");
    EXPECT_TRUE(read_file(out) == bytes) << read_file(out).size();
    const Ran empty = hub({"exec", "node-01", "--", "cat"}, "< /dev/null");
    EXPECT_EQ(empty.code, 0);
    EXPECT_EQ(empty.out, "");
    // A command that closes its input, or ends without it, is no error.
    EXPECT_EQ(hub({"exec", "node-01", "--", "head", "-c", "5"}, "< " + in + " | wc -c").out, "5\n");
    // -n: it is not even read.
    EXPECT_EQ(hub({"exec", "-n", "node-01", "--", "cat"}, "< " + in).out, "");
}

// The command writes as fast as it can; who reads is not as fast, and what the hub keeps is much less than
// the whole.
TEST_P(Exec, WaitsForASlowReader)
{
    boot({{"wait", "60s"}}, {}, ", reader_grace: 60s"); // neither the agent nor the hub goes on without it
    const auto out = (dir_ / "out").string(), err = (dir_ / "err").string();
    const Ran ran =
        hub({"exec", "-n", "node-01", "--", "head", "-c", "12M", "/dev/zero"},
            "2> " + err + " | { while [ \"$(dd bs=512k count=1 iflag=fullblock 2>/dev/null | tee -a " + out +
                " | wc -c)\" -gt 0 ]; do sleep 0.05; done; }");
    EXPECT_EQ(ran.code, 0);
    EXPECT_EQ(read_file(err), "");
    EXPECT_EQ(std::filesystem::file_size(out), 12u << 20);
}

// One that does not read at all loses output, is told how much, and cannot take the rest for the whole.
TEST_P(Exec, ReportsOutputLostByAStalledReader)
{
    boot();
    const auto done = (dir_ / "done").string(), err = (dir_ / "err").string();
    const Ran ran = hub({"exec", "-n", "node-01", "--", "sh", "-c", "head -c 12M /dev/zero; echo > " + done},
                        "2> " + err + " || echo code $? >> " + err + "; } | { while [ ! -e " + done +
                            " ]; do sleep 0.02; done; wc -c; }",
                        "{ ");
    EXPECT_LT(std::atol(ran.out.c_str()), 12 << 20);
    EXPECT_THAT(read_file(err), HasSubstr("bytes of output were dropped here\n"));
    EXPECT_THAT(read_file(err), EndsWith("code 125\n"));
}

TEST_P(Exec, ShowsOutputAsItComes)
{
    boot();
    const auto go = (dir_ / "go").string();
    Process exec{
        {.argv = command({"exec", "node-01", "--", "sh", "-c",
                          "echo first; while [ ! -e " + go + " ]; do sleep 0.02; done; echo second"})}};
    EXPECT_TRUE(wait_for([&] { return exec.out() == "first\n"; })) << exec.err();
    write_file(go, "");
    EXPECT_EQ(exec.wait(), 0);
    EXPECT_EQ(exec.out(), "first\nsecond\n");
}

TEST_P(Exec, CtrlCInterruptsTheCommandAndTheSecondOneKillsIt)
{
    boot({{"grace", "14s"}});
    const std::string loop = "while :; do sleep 0.02; done";
    const auto polite = at_terminal(
        {"exec", "node-01", "--", "sh", "-c", "trap 'echo caught; exit 7' INT; echo ready; " + loop});
    ASSERT_TRUE(polite->sees("ready")) << polite->said();
    polite->type("\x03");
    EXPECT_TRUE(polite->sees("caught"));
    EXPECT_EQ(polite->wait(), 7);
    EXPECT_TRUE(polite->restored());

    const auto stubborn =
        at_terminal({"exec", "node-01", "--", "sh", "-c", "trap 'echo no' INT TERM; echo ready; " + loop});
    ASSERT_TRUE(stubborn->sees("ready"));
    stubborn->type("\x03");
    ASSERT_TRUE(stubborn->sees("no"));
    stubborn->type("\x03");
    EXPECT_EQ(stubborn->wait(), 128 + SIGKILL);
}

TEST_P(Exec, EndsTheCommandWhenItEnds)
{
    boot();
    const auto file = dir_ / "pid";
    for (const int sig : {SIGTERM, SIGKILL}) {
        SCOPED_TRACE(sig);
        std::filesystem::remove(file);
        Process exec{{.argv = command({"exec", "node-01", "--", "sh", "-c",
                                       "echo $$ > " + file.string() + "; exec sleep 1000"})}};
        const pid_t pid = pid_from(file);
        ASSERT_GT(pid, 0) << exec.err();
        exec.signal(sig);
        EXPECT_EQ(exec.wait(), 128 + sig);
        EXPECT_TRUE(gone(pid));
    }
    // As in a pipe of this machine: nobody reads it any more.
    EXPECT_EQ(hub({"exec", "node-01", "--", "yes"}, "| head -n 1").out, "y\n");
    EXPECT_TRUE(wait_for([&] {
        for (const Json& one : runs())
            if (one["status"] == "running" || one["status"] == "queued") return false;
        return true;
    })) << runs();
}

TEST_P(Exec, RunsAsAnOrdinaryAction)
{
    boot();
    const Ran ran =
        hub_->call("hub.exec", R"({"agent":"node-01","command":"echo out; echo err >&2; exit 5"})");
    EXPECT_EQ(ran.code, 5);
    EXPECT_EQ(ran.out, "out\n");
    EXPECT_EQ(ran.err, "err\n");
}

} // namespace
