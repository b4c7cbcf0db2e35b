// agenthost hub shell, attach, runs: a terminal on an agent.
#include "fixture.hpp"

#include <csignal>

using namespace agenthost::test;
using testing::HasSubstr;

namespace {

class Shell : public Person {};
INSTANTIATE_TEST_SUITE_P(, Shell, testing::Values("dashboard"));

TEST_P(Shell, HasATerminalOnTheAgent)
{
    boot();
    const auto person = shell();
    EXPECT_TRUE(person->sees("Ctrl-] then d")); // how to leave is said before
    person->type("tty >/dev/null && echo is''tty $TERM; stty size\r");
    EXPECT_TRUE(person->sees("istty ")) << person->said();
    EXPECT_TRUE(person->sees("24 80"));
    person->type("sleep 1000\r");
    ASSERT_TRUE(person->sees("sleep 1000"));
    person->type("\x03"); // a key as any other: it ends what is in the foreground there, not us
    person->mark();
    ASSERT_TRUE(person->sees("ready> ")) << person->said();
    person->type("exit 6\r");
    EXPECT_EQ(person->wait(), 6);
    EXPECT_TRUE(person->restored());
}

TEST_P(Shell, RunsTheUsersShellWithoutACommand)
{
    boot();
    const auto person = at_terminal({"shell", "node-01"});
    ASSERT_TRUE(wait_for([&] { return person->raw(); })) << person->said();
    person->type("echo al''ive; exit 0\r");
    EXPECT_TRUE(person->sees("alive")) << person->said();
    EXPECT_EQ(person->wait(), 0);
    EXPECT_TRUE(person->restored());
}

TEST_P(Shell, ForwardsAResizeAndRedrawsTheScreen)
{
    boot();
    // What a full-screen program does: alternate screen, raw keys, everything drawn anew at each key and each
    // new size.
    const std::string program =
        R"(draw() { set -- $(stty size); i=1; printf '\033[H\033[2J')"
        R"(; while [ $i -lt $1 ]; do printf 'row %d \342\224\202\r\n' $i; i=$((i+1)); done; printf 'drawn %s %s' "$key" "$1x$2"; })"
        R"(; printf '\033[?1049h'; stty raw -echo min 0 time 1; key=-; trap draw WINCH; draw; while :; do key=$(dd bs=1 count=1 2>/dev/null))"
        R"(; [ "$key" = q ] && break; [ -n "$key" ] && draw; done; stty sane; printf '\033[?1049l'; echo bye)";
    const auto person = at_terminal({"shell", "node-01", "--", "sh", "-c", program}, 100, 30);
    ASSERT_TRUE(person->sees("drawn - 30x100")) << person->said();
    EXPECT_TRUE(person->sees("row 29 \xe2\x94\x82"));
    person->type("a");
    EXPECT_TRUE(person->sees("drawn a 30x100"));
    person->resize(70, 20);
    EXPECT_TRUE(person->sees("20x70")) << person->said();
    person->type("b");
    EXPECT_TRUE(person->sees("drawn b 20x70"));
    person->type("q");
    EXPECT_TRUE(person->sees("\x1b[?1049l"));
    EXPECT_EQ(person->wait(), 0);
    EXPECT_TRUE(person->restored());
}

TEST_P(Shell, DetachesAndReattachesWithoutLoss)
{
    boot();
    const auto first = shell();
    const auto go = (dir_ / "go").string();
    first->type("x=remembered; while [ ! -e " + go +
                " ]; do sleep 0.02; done; i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line-$i; done\r");
    ASSERT_TRUE(first->sees("3000"));
    first->type(leave);
    EXPECT_EQ(first->wait(), 0);
    EXPECT_TRUE(first->restored());
    ASSERT_EQ(runs().size(), 1u);
    const Json run = runs()[0];
    const std::string id = run["id"];
    EXPECT_EQ(run["status"], "running");
    EXPECT_EQ(run["agent"], "node-01");
    EXPECT_TRUE(run["pty"]);
    EXPECT_THAT(first->said(), HasSubstr("agenthost hub attach " + id));
    EXPECT_THAT(hub({"runs"}).out, HasSubstr(id));

    write_file(go, ""); // now it prints, and nobody looks
    const auto second = at_terminal({"attach", id}, 90, 25);
    ASSERT_TRUE(second->sees("line-3000\r\n")) << second->said();
    std::size_t at = 0;
    for (int i = 1; i <= 3000; ++i) { // each once, in order
        const std::string line = "line-" + std::to_string(i) + "\r\n";
        at = second->said().find(line, at);
        ASSERT_NE(at, std::string::npos) << line;
    }
    EXPECT_TRUE(second->raw());
    second->mark();
    second->type("echo $x; stty size\r");
    EXPECT_TRUE(second->sees("remembered\r\n"));
    EXPECT_TRUE(second->sees("25 90")); // the new window's
    second->type("exit 4\r");
    EXPECT_EQ(second->wait(), 4);
    EXPECT_TRUE(second->restored());
    // Also when it is over: what it printed, and how it ended.
    const Ran again = hub({"attach", id});
    EXPECT_EQ(again.code, 4);
    EXPECT_THAT(again.out, HasSubstr("remembered\r\n"));
    EXPECT_EQ(hub({"attach", "nothing"}).code, 125);
}

TEST_P(Shell, RestoresTheTerminalHoweverItEnds)
{
    boot({{"concurrency", 16}});
    for (const int sig : {SIGTERM, SIGHUP, SIGINT, SIGQUIT}) {
        SCOPED_TRACE(sig);
        const auto person = shell();
        person->signal(sig);
        EXPECT_EQ(person->wait(), 128 + sig);
        EXPECT_TRUE(person->restored());
    }
    std::size_t left = 0;
    const Json all = runs();
    for (const Json& one : all) left += one["status"] == "running";
    EXPECT_EQ(left, 4u) << all.dump() << hub_->log(); // who leaves a shell leaves it running
    const auto person = shell();
    hub_->kill9();
    EXPECT_EQ(person->wait(), 125);
    EXPECT_TRUE(person->restored());
    EXPECT_THAT(person->said(), HasSubstr("Reattach: agenthost hub attach"));
}

TEST_P(Shell, CtrlZSuspendsTheRemoteCommand)
{
    boot();
    const auto person = shell();
    person->mark();
    person->type("cat\r");
    ASSERT_TRUE(person->sees("cat\r\n"));
    person->type("there\r");
    ASSERT_TRUE(person->sees("there\r\nthere\r\n")) << person->said(); // it reads
    person->type("\x1a");
    ASSERT_TRUE(person->sees("ready> ")) << person->said();
    EXPECT_FALSE(person->stopped());
    person->mark();
    person->type("fg\r");
    ASSERT_TRUE(person->sees("fg\r\ncat\r\n")) << person->said();
    person->type("again\r");
    EXPECT_TRUE(person->sees("again\r\nagain\r\n")) << person->said();
    person->type("\x04");
    ASSERT_TRUE(person->sees("ready> ")) << person->said();
    person->type("exit 7\r");
    EXPECT_EQ(person->wait(), 7);
}

// As the person's own shell does it: the terminal is theirs while we are stopped, and ours again after.
TEST_P(Shell, ReleasesTheTerminalWhileItIsSuspended)
{
    boot();
    const auto person = shell();
    for (int i = 0; i < 20; ++i) {
        SCOPED_TRACE(i);
        person->signal(SIGTSTP);
        ASSERT_TRUE(wait_for([&] { return person->stopped(); }));
        ASSERT_TRUE(person->restored());
        if (i == 0) person->resize(70, 20);
        person->signal(SIGCONT);
        ASSERT_TRUE(wait_for([&] { return person->raw(); }));
    }
    // The size it has now is told, when it is: keys and sizes are not in one queue.
    person->type("until [ \"$(stty size)\" = '20 70' ]; do sleep 0.02; done; echo siz''ed\r");
    EXPECT_TRUE(person->sees("sized")) << person->said();
    person->type("exit 8\r");
    EXPECT_EQ(person->wait(), 8);
    EXPECT_TRUE(person->restored());
}

TEST_P(Shell, ReportsThatItWaits)
{
    boot({{"concurrency", 1}});
    const auto first = shell();
    const auto second = at_terminal({"exec", "node-01", "--", "echo", "at last"});
    EXPECT_TRUE(second->sees("waits in the agent's queue, position 1")) << second->said();
    first->type("exit\r");
    EXPECT_EQ(first->wait(), 0);
    EXPECT_TRUE(second->sees("at last"));
    EXPECT_EQ(second->wait(), 0);
}

TEST_P(Shell, RequiresATerminal)
{
    boot();
    const Ran ran = hub({"shell", "node-01"});
    EXPECT_EQ(ran.code, 125);
    EXPECT_THAT(ran.err, HasSubstr("agenthost hub exec"));
}

} // namespace
