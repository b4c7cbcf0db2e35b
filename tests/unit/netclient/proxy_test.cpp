#include "netclient/proxy.hpp"

#include <gtest/gtest.h>

namespace agenthost::netclient {
namespace {

TEST(ProxyUrl, IsTakenApart)
{
    std::string why;
    const auto plain = parse_proxy("http://proxy.example.com:3128", why);
    ASSERT_TRUE(plain) << why;
    EXPECT_EQ(plain->shown(), "proxy.example.com:3128");
    EXPECT_EQ(plain->authorization, "");
    const auto user = parse_proxy("http://me:p%40ss@[::1]:8080/", why);
    ASSERT_TRUE(user) << why;
    EXPECT_EQ(user->shown(), "[::1]:8080");
    EXPECT_EQ(user->authorization, "Basic bWU6cEBzcw==");
    EXPECT_EQ(parse_proxy("http://p", why)->port, 80);
}

TEST(ProxyUrl, IsRefusedWithASentenceAndWithoutItsPassword)
{
    for (const std::string bad :
         {"https://me:secret@p:1", "socks5://me:secret@p:1", "http://me:secret@p:1/x", "http://",
          "http://me:secret@", "http://me:secret@p:0", "http://secret@p:1", "http://a:%zz@p:1", "p:1"}) {
        std::string why;
        EXPECT_FALSE(parse_proxy(bad, why)) << bad;
        EXPECT_NE(why, "") << bad;
        EXPECT_EQ(why.find("secret"), std::string::npos) << why;
    }
}

TEST(ConnectAnswer, IsTheSameInPieces)
{
    const std::string head = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
    for (std::size_t piece = 1; piece <= head.size(); ++piece) {
        ConnectAnswer answer;
        std::size_t at = 0;
        while (at < head.size()) {
            const std::string bytes = head.substr(at, piece);
            EXPECT_EQ(answer.feed(bytes), bytes.size());
            at += bytes.size();
        }
        EXPECT_EQ(answer.state(), ConnectAnswer::State::open) << piece;
    }
    ConnectAnswer more;
    EXPECT_EQ(more.feed(head + "tail"), head.size());
    EXPECT_EQ(more.state(), ConnectAnswer::State::open);
}

TEST(ConnectAnswer, EndsAtItsBound)
{
    ConnectAnswer answer;
    answer.feed("HTTP/1.1 200 OK\r\n" + std::string(ConnectAnswer::max_head, 'x'));
    EXPECT_EQ(answer.state(), ConnectAnswer::State::refused);
    ConnectAnswer other;
    other.feed("HTTX");
    EXPECT_EQ(other.state(), ConnectAnswer::State::refused);
    ConnectAnswer status;
    status.feed("HTTP/1.1 2x0 OK\r\n\r\n");
    EXPECT_EQ(status.state(), ConnectAnswer::State::refused);
}

} // namespace
} // namespace agenthost::netclient
