#include "host/net/head_end.hpp"
#include "host/net/tail.hpp"

#include <gtest/gtest.h>

namespace {

using agenthost::host::net::HeadEnd;
using agenthost::host::net::Tail;

TEST(HeadEndTest, FindsTheEndWhereverTheBytesAreCut)
{
    const std::string_view head = "HTTP/1.1 101 x\r\nA: \r\r\n\r\n",
                           bytes = "HTTP/1.1 101 x\r\nA: \r\r\n\r\nframes";
    for (std::size_t cut = 0; cut < head.size(); ++cut) {
        HeadEnd end;
        end.look_for();
        EXPECT_EQ(end.up_to(bytes.substr(0, cut)), cut);
        EXPECT_TRUE(end.wanted());
        EXPECT_EQ(end.up_to(bytes.substr(cut)), head.size() - cut);
        EXPECT_FALSE(end.wanted());
        EXPECT_EQ(end.up_to("a\r\n\r\nb"), 6U) << "only once";
    }
}

TEST(HeadEndTest, TakesAllBytesUnlessItIsAskedFor)
{
    HeadEnd end;
    EXPECT_FALSE(end.wanted());
    EXPECT_EQ(end.up_to("a\r\n\r\nb"), 6U);
}

TEST(TailTest, KeepsTheLastBytes)
{
    Tail tail;
    EXPECT_FALSE(tail.wanted());
    tail.keep(4);
    tail.append("ab");
    EXPECT_EQ(tail.bytes(), "ab");
    tail.append("cde");
    EXPECT_EQ(tail.bytes(), "bcde");
    tail.append("123456");
    EXPECT_EQ(tail.bytes(), "3456");
}

} // namespace
