// The agent's session is cut in the middle of a command, and comes back.
#include "fixture.hpp"

using namespace agenthost::test;
using testing::HasSubstr;

namespace {

class Cut : public Person {};
INSTANTIATE_TEST_SUITE_P(, Cut, testing::Values("dashboard"));

TEST_P(Cut, LosesNoOutput)
{
    Fault cut;
    cut.cut_request = 60'000; // of what the agent says
    boot(Json::object(), {cut});
    std::string expected;
    for (int i = 1; i <= 20'000; ++i) expected += std::to_string(i) + "\n";
    const Ran ran = hub({"exec", "node-01", "--", "sh", "-c", "seq 1 20000; echo err >&2; exit 3"});
    EXPECT_EQ(ran.code, 3);
    EXPECT_TRUE(ran.out == expected) << ran.out.size() << " of " << expected.size();
    EXPECT_EQ(ran.err, "err\n");
    EXPECT_GE(proxy_->connections(), 2);
}

TEST_P(Cut, DeliversInputExactlyOnce)
{
    Fault cut;
    cut.kind = Fault::Kind::reset;
    cut.after = 500'000; // of what the hub says
    boot(Json::object(), {cut});
    const std::string bytes = random_bytes(1 << 20, 11);
    write_file(dir_ / "in", bytes);
    const Ran ran = hub({"exec", "node-01", "--", "sha256sum"}, "< " + (dir_ / "in").string());
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr(sha256_hex(bytes)));
    EXPECT_GE(proxy_->connections(), 2);
}

TEST_P(Cut, AShellContinues)
{
    Fault cut;
    cut.cut_request = 40'000;
    boot(Json::object(), {cut});
    const auto person = shell();
    person->type("i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo line-$i; done\r");
    ASSERT_TRUE(person->sees("line-5000\r\n")) << person->said();
    std::size_t at = 0;
    for (int i = 1; i <= 5000; ++i) {
        const std::string line = "line-" + std::to_string(i) + "\r\n";
        at = person->said().find(line, at);
        ASSERT_NE(at, std::string::npos) << line;
    }
    EXPECT_GE(proxy_->connections(), 2);
    person->type("echo st''ill; exit 5\r");
    EXPECT_TRUE(person->sees("still"));
    EXPECT_EQ(person->wait(), 5);
    EXPECT_TRUE(person->restored());
}

TEST_P(Cut, InterruptsAbandonedCommandsWhenTheAgentReturns)
{
    boot();
    const auto file = dir_ / "pid";
    Process exec{{.argv = command({"exec", "node-01", "--", "sh", "-c",
                                   "echo $$ > " + file.string() + "; exec sleep 1000"})}};
    const pid_t pid = pid_from(file);
    ASSERT_GT(pid, 0) << exec.err();
    agent_->signal(SIGSTOP); // its session stays, it does not answer
    exec.signal(SIGTERM);
    EXPECT_EQ(exec.wait(), 128 + SIGTERM);
    agent_->signal(SIGCONT);
    EXPECT_TRUE(gone(pid));
}

TEST_P(Cut, AStoppingHubInterruptsCommandsWithWaitingCallers)
{
    boot();
    const auto file = dir_ / "pid";
    Process exec{{.argv = command({"exec", "-n", "node-01", "--", "sh", "-c",
                                   "echo $$ > " + file.string() + "; exec sleep 1000"})}};
    const pid_t pid = pid_from(file);
    ASSERT_GT(pid, 0) << exec.err();
    EXPECT_EQ(hub_->stop(), 0);
    EXPECT_EQ(exec.wait(), 125);
    EXPECT_THAT(exec.err(), HasSubstr("The hub is shutting down"));
    EXPECT_TRUE(gone(pid));
    EXPECT_TRUE(agent_->running());
}

// Any capability over any protocol; but only one has words for output.
class Mute : public Person {};
INSTANTIATE_TEST_SUITE_P(, Mute, testing::Values("panel", "signed", "storage"));

TEST_P(Mute, ReportsTheEndAndThatOutputIsNotAvailable)
{
    boot();
    const Ran ran = hub({"exec", "node-01", "--", "sh", "-c", "echo out; exit 3"});
    EXPECT_EQ(ran.code, 3);
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.err, HasSubstr("speaks " + protocol() + ", which cannot carry a command's output"));
    write_file(dir_ / "in", "typed");
    const auto out = (dir_ / "out").string();
    EXPECT_EQ(hub({"exec", "node-01", "--", "sh", "-c", "cat > " + out}, "< " + (dir_ / "in").string()).code,
              0);
    EXPECT_EQ(read_file(out), "typed");
    const auto file = dir_ / "pid";
    Process exec{{.argv = command({"exec", "node-01", "--", "sh", "-c",
                                   "echo $$ > " + file.string() + "; exec sleep 1000"})}};
    const pid_t pid = pid_from(file);
    exec.signal(SIGINT);
    EXPECT_EQ(exec.wait(), 130);
    EXPECT_TRUE(gone(pid));
}

} // namespace
