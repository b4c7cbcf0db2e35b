// Commands on a terminal.
#include "rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace agenthost::test;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

TEST(TerminalPty, IsTheControllingTerminalOfItsSize)
{
    Rig rig;
    const auto ran =
        rig.sh("test -t 0 && test -t 1 && test -t 2 && echo tty; stty size </dev/tty; echo $TERM",
               {{"pty", {{"cols", 132}, {"rows", 43}}}});
    EXPECT_EQ(ran.out, "tty\r\n43 132\r\nxterm-256color\r\n");
    EXPECT_EQ(ran.err, ""); // one stream: the terminal mixes them
    EXPECT_EQ(ran.exit_code(), 0);
}

TEST(TerminalPty, EchoesTypedInput)
{
    Rig rig;
    const auto id = rig.start({{"commandId", "p"},
                               {"command", "stty -echo; echo ready; read name; echo hello $name"},
                               {"pty", true}});
    ASSERT_TRUE(rig.wait_out(id, "ready\r\n"));
    EXPECT_TRUE(rig.call("input", {{"commandId", "p"}, {"data", "w\xc3\xb6rld\n"}}).ok());
    EXPECT_EQ(rig.finish(id).out, "ready\r\nhello w\xc3\xb6rld\r\n");
}

// A hub that lost its session does not know whether the last piece arrived: it sends it again.
TEST(TerminalPty, IgnoresRepeatedInput)
{
    Rig rig;
    const auto id = rig.start({{"commandId", "p"}, {"argv", {"cat"}}, {"input", true}});
    ASSERT_TRUE(wait_for([&] { return rig.running("p"); }));
    const auto type = [&](const std::string& data, int offset, bool eof = false) {
        return rig.call("input", {{"commandId", "p"}, {"data", data}, {"offset", offset}, {"eof", eof}});
    };
    EXPECT_EQ(type("one ", 0).json, R"({"offset":4})");
    EXPECT_EQ(type("one ", 0).json, R"({"offset":4})");
    EXPECT_EQ(type("one two ", 0).json, R"({"offset":8})");
    EXPECT_EQ(type("gap", 9).code(), "INVALID_REQUEST");
    EXPECT_EQ(type("three", 8, true).json, R"({"offset":13})");
    rig.call("input", {{"commandId", "p"}, {"data", "three"}, {"offset", 8}, {"eof", true}}); // also the end
    const auto ran = rig.finish(id);
    EXPECT_EQ(ran.out, "one two three");
    EXPECT_EQ(ran.exit_code(), 0);
}

TEST(TerminalPty, SendsEndOfFile)
{
    Rig rig;
    const auto id =
        rig.start({{"commandId", "p"}, {"command", "stty -echo; echo ready; cat; echo end"}, {"pty", true}});
    ASSERT_TRUE(rig.wait_out(id, "ready\r\n"));
    rig.call("input", {{"commandId", "p"}, {"data", "x\n"}, {"eof", true}});
    EXPECT_EQ(rig.finish(id).out, "ready\r\nx\r\nend\r\n");
}

TEST(TerminalPty, PassesAResizeToTheCommand)
{
    Rig rig;
    const auto id =
        rig.start({{"commandId", "p"},
                   {"command", "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.02; done"},
                   {"pty", true}});
    ASSERT_TRUE(rig.wait_out(id, "ready\r\n"));
    EXPECT_TRUE(rig.call("resize", {{"commandId", "p"}, {"cols", 99}, {"rows", 11}}).ok());
    EXPECT_THAT(rig.finish(id).out, HasSubstr("11 99\r\n"));
}

TEST(TerminalPty, InterruptsTheForegroundLikeCtrlC)
{
    Rig rig;
    // An interactive shell survives it; what runs in its foreground does not.
    const auto id = rig.start(
        {{"commandId", "p"}, {"argv", {"sh", "-i"}}, {"env", {{"PS1", "prompt> "}}}, {"pty", true}});
    ASSERT_TRUE(rig.wait_out(id, "prompt> "));
    rig.call(
        "input",
        {{"commandId", "p"},
         {"data", "sh -c 'trap \"echo caught; exit\" INT; echo in''side; while :; do sleep 0.02; done'\n"}});
    ASSERT_TRUE(rig.wait_out(id, "inside\r\n"));
    rig.call("interrupt", {{"commandId", "p"}});
    ASSERT_TRUE(rig.wait_out(id, "caught\r\n"));
    rig.call("input", {{"commandId", "p"}, {"data", "echo al''ive; exit 4\n"}});
    const auto ran = rig.finish(id);
    EXPECT_THAT(ran.out, HasSubstr("alive\r\n"));
    EXPECT_EQ(ran.exit_code(), 4);
}

TEST(TerminalPty, AcceptsTypedCtrlC)
{
    Rig rig;
    const auto id =
        rig.start({{"commandId", "p"}, {"command", "echo ready; exec sleep 1000"}, {"pty", true}});
    ASSERT_TRUE(rig.wait_out(id, "ready\r\n"));
    rig.call("input", {{"commandId", "p"}, {"data", "\x03"}});
    const auto ran = rig.finish(id);
    EXPECT_EQ(ran.data.at("signal"), "SIGINT");
    EXPECT_EQ(ran.reason(), "signal"); // nobody asked the plugin
}

TEST(TerminalPty, EndsAShellAtItsPromptAfterTheGrace)
{
    Rig rig{{{"grace", "100ms"}}};
    const auto id = rig.start(
        {{"commandId", "p"}, {"argv", {"sh", "-i"}}, {"env", {{"PS1", "prompt> "}}}, {"pty", true}});
    ASSERT_TRUE(rig.wait_out(id, "prompt> "));
    rig.call("interrupt", {{"commandId", "p"}});
    EXPECT_EQ(rig.finish(id).reason(), "interrupted");
}

// What a full-screen editor does: alternate screen, size asked of the terminal, whole screens drawn anew at
// each key and each resize.
TEST(TerminalPty, RunsAFullScreenProgram)
{
    TempDir dir;
    std::filesystem::permissions(dir.path(), std::filesystem::perms(0755));
    const auto program = (dir / "screen.sh").string();
    write_file(program,
               "draw() { set -- $(stty size); i=1; printf '\\033[H\\033[2J'\n"
               "  while [ $i -le $1 ]; do printf '\\033[%d;1Hrow %d of %d, key %s \\342\\224\\202' $i $i $1 "
               "\"$key\"; i=$((i+1)); done\n"
               "  printf '\\033[%d;%dHdrawn %s %s' 1 1 \"$key\" \"$1x$2\"; }\n"
               "printf '\\033[?1049h'; stty raw -echo; key=-; trap draw WINCH; draw\n"
               "while :; do key=$(dd bs=1 count=1 2>/dev/null); [ \"$key\" = q ] && break; [ -n \"$key\" ] "
               "&& draw; done\n"
               "stty sane; printf '\\033[?1049l'; echo bye\n",
               0755);
    Rig rig;
    const auto id =
        rig.start({{"commandId", "v"}, {"argv", {"sh", program}}, {"pty", {{"cols", 80}, {"rows", 24}}}});
    ASSERT_TRUE(rig.wait_out(id, "drawn - 24x80"));
    for (const char* key : {"a", "b", "c"}) {
        rig.call("input", {{"commandId", "v"}, {"data", key}});
        ASSERT_TRUE(rig.wait_out(id, std::string{"drawn "} + key + " 24x80")) << key;
    }
    rig.call("resize", {{"commandId", "v"}, {"cols", 120}, {"rows", 50}});
    rig.call("input", {{"commandId", "v"}, {"data", "d"}});
    ASSERT_TRUE(rig.wait_out(id, "drawn d 50x120"));
    rig.call("input", {{"commandId", "v"}, {"data", "q"}});
    const auto ran = rig.finish(id);
    EXPECT_THAT(ran.out, StartsWith("\033[?1049h"));
    EXPECT_THAT(ran.out, testing::EndsWith("\033[?1049lbye\r\n"));
    EXPECT_THAT(ran.out, HasSubstr("row 50 of 50, key d \xe2\x94\x82"));
    EXPECT_EQ(ran.exit_code(), 0);
    for (const auto& chunk : rig.chunks(id))
        EXPECT_EQ(agenthost::json_string(chunk.bytes).find("\xef\xbf\xbd"), std::string::npos);
}

TEST(TerminalPty, DeliversLongOutputCompletely)
{
    Rig rig;
    const auto ran = rig.sh("stty -opost; seq 1 300000", {{"pty", true}});
    std::string expected;
    for (int i = 1; i <= 300'000; ++i) expected += std::to_string(i) + "\n";
    EXPECT_TRUE(ran.out == expected) << ran.out.size() << " of " << expected.size();
}

} // namespace
