// What was typed: counted, bounded, sent again without being typed twice, ended.
#include <plugins/terminal/stdin_buffer.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

using namespace agenthost;
using namespace agenthost::terminal;

namespace {

struct Pipe {
    base::Fd read, write;
    Pipe()
    {
        int fds[2];
        EXPECT_EQ(::pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        read.reset(fds[0]);
        write.reset(fds[1]);
    }
    std::string taken()
    {
        std::string all(1 << 20, '\0');
        const auto n = ::read(read.get(), all.data(), all.size());
        all.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        return all;
    }
};

constexpr StdinBuffer::Into pipe_input{.running = true, .open = true, .pty = false};
constexpr StdinBuffer::Into terminal_input{.running = true, .open = true, .pty = true};

InputParams typing(std::string data, bool end = false, std::optional<std::uint64_t> offset = {})
{
    return {.id = "c", .data = std::move(data), .end = end, .offset = offset};
}

struct StdinBufferTest : testing::Test {
    StdinBuffer typed;
    std::string why;
    Pipe pipe;
};

} // namespace

TEST_F(StdinBufferTest, PassesOnWhatTheCommandTakes)
{
    typed.begin("first ", false);
    EXPECT_EQ(typed.add(typing("second"), pipe_input, why), StdinResult::taken);
    EXPECT_EQ(typed.count(), 6u); // what it began with was not typed
    typed.write(pipe.write);
    EXPECT_TRUE(typed.empty());
    EXPECT_FALSE(typed.over());
    EXPECT_EQ(pipe.taken(), "first second");
}

TEST_F(StdinBufferTest, TypesWhatIsSentAgainOnce)
{
    EXPECT_EQ(typed.add(typing("abc", false, 0), pipe_input, why), StdinResult::taken);
    EXPECT_EQ(typed.add(typing("abcde", false, 0), pipe_input, why), StdinResult::taken);
    EXPECT_EQ(typed.add(typing("abcde", false, 0), pipe_input, why), StdinResult::taken);
    typed.write(pipe.write);
    EXPECT_EQ(pipe.taken(), "abcde");
    EXPECT_EQ(typed.count(), 5u);
    EXPECT_EQ(typed.add(typing("x", false, 6), pipe_input, why), StdinResult::closed);
    EXPECT_NE(why.find("offset 6"), why.npos) << why;
}

TEST_F(StdinBufferTest, EndsOnceAndTakesTheEndAgainButNoMore)
{
    EXPECT_EQ(typed.add(typing("x", true, 0), pipe_input, why), StdinResult::taken);
    EXPECT_FALSE(typed.over()); // it has not taken the last byte
    EXPECT_EQ(typed.add(typing("x", true, 0), pipe_input, why), StdinResult::taken);
    EXPECT_EQ(typed.add(typing("y"), pipe_input, why), StdinResult::closed);
    typed.write(pipe.write);
    EXPECT_TRUE(typed.over());
    EXPECT_EQ(pipe.taken(), "x");
}

TEST_F(StdinBufferTest, EndsATerminalByItsCharacter)
{
    EXPECT_EQ(typed.add(typing("q", true), terminal_input, why), StdinResult::taken);
    EXPECT_EQ(typed.add(typing("r"), terminal_input, why), StdinResult::taken); // a terminal goes on
    typed.write(pipe.write);
    EXPECT_EQ(pipe.taken(), "q\x04r");
    EXPECT_FALSE(typed.over());
}

TEST_F(StdinBufferTest, KeepsNoMoreThanItsBoundAndLosesNothing)
{
    EXPECT_EQ(typed.add(typing(std::string(StdinBuffer::max_bytes, 'a')), pipe_input, why),
              StdinResult::taken);
    EXPECT_EQ(typed.add(typing("b"), pipe_input, why), StdinResult::later);
    EXPECT_EQ(typed.count(), StdinBuffer::max_bytes);
    std::string all;
    while (!typed.empty()) {
        typed.write(pipe.write);
        all += pipe.taken();
    }
    EXPECT_EQ(all, std::string(StdinBuffer::max_bytes, 'a'));
    EXPECT_EQ(typed.add(typing("b"), pipe_input, why), StdinResult::taken);
}

TEST_F(StdinBufferTest, WaitsForACommandThatDoesNotRunYetAndRefusesAClosedInput)
{
    EXPECT_EQ(typed.add(typing("x"), {.running = false, .open = false, .pty = false}, why),
              StdinResult::later);
    EXPECT_EQ(typed.add(typing("x"), {.running = true, .open = false, .pty = false}, why),
              StdinResult::closed);
    EXPECT_NE(why.find("\"input\": true"), why.npos) << why;
    EXPECT_EQ(typed.count(), 0u);
}

TEST_F(StdinBufferTest, IsOverWhenNobodyReads)
{
    pipe.read.reset();
    EXPECT_EQ(typed.add(typing("x"), pipe_input, why), StdinResult::taken);
    ::signal(SIGPIPE, SIG_IGN); // as the daemon does
    typed.write(pipe.write);
    EXPECT_TRUE(typed.over());
}
