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
          "http://me:secret@", "http://me:secret@p:0", "http://secret@p:1", "http://a:%zz@p:1", "p:1",
          "me:secret@p:1", "http://me:se/cret@p:1", "http://me:secret/secret@p:1", "http://me:1/secret@p:1",
          "http://me:s?secret@p:1", "http://me:s#secret@p:1", "http://m/e:secret@p:1",
          "https://me:1/secret@p:1", "http://me:s@secret/secret@p:1"}) {
        std::string why;
        EXPECT_FALSE(parse_proxy(bad, why)) << bad;
        EXPECT_NE(why, "") << bad;
        EXPECT_EQ(why.find("secret"), std::string::npos) << why;
        EXPECT_EQ(why.find("cret"), std::string::npos) << why;
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

TEST(ConnectAnswer, AcceptsLinesThatEndInLfAloneAndInterimResponses)
{
    for (const std::string head : {"HTTP/1.0 200 OK\nA: b\n\n", "HTTP/1.1 200\r\n\n",
                                   "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"}) {
        ConnectAnswer whole;
        EXPECT_EQ(whole.feed(head + "tail"), head.size()) << head;
        EXPECT_EQ(whole.state(), ConnectAnswer::State::open) << head;
        ConnectAnswer pieces;
        for (const char& c : head) EXPECT_EQ(pieces.feed({&c, 1}), 1u);
        EXPECT_EQ(pieces.state(), ConnectAnswer::State::open) << head;
    }
    ConnectAnswer switched;
    switched.feed("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    EXPECT_EQ(switched.state(), ConnectAnswer::State::refused);
}

TEST(ConnectAnswer, RefusesInterimResponsesWithoutEnd)
{
    ConnectAnswer answer;
    for (int i = 0; i < 100; ++i) answer.feed("HTTP/1.1 100\n\n");
    EXPECT_EQ(answer.state(), ConnectAnswer::State::refused);
    EXPECT_NE(answer.refusal({.host = "p", .port = 3128}, "h", 443).find("answered 100"), std::string::npos);
}

TEST(ConnectAnswer, QuotesNoHeaderOfARequestThatIsEchoed)
{
    const Proxy proxy{.host = "p", .port = 3128, .authorization = "Basic dTpwYXNz"};
    const std::string text = ConnectAnswer::overrun(proxy, connect_request(proxy, "a.io", 443));
    EXPECT_NE(text.find("CONNECT a.io:443 HTTP/1.1"), std::string::npos) << text;
    EXPECT_EQ(text.find("dTpwYXNz"), std::string::npos) << text;
}

TEST(Proxy, IsShownWithoutItsUser)
{
    EXPECT_EQ(redact_proxy("http://user:se/c?r#et@proxy:3128"), "http://***@proxy:3128");
    EXPECT_EQ(redact_proxy("https://user:1/secret@proxy"), "https://***@proxy");
    EXPECT_EQ(redact_proxy("user:secret@proxy"), "***@proxy");
    EXPECT_EQ(redact_proxy("http://proxy:3128"), "http://proxy:3128");
}

TEST(ConnectAnswer, SaysWhatTheProxySent)
{
    const Proxy proxy{.host = "p", .port = 3128};
    const auto refused = [&](const std::string& text) {
        ConnectAnswer answer;
        answer.feed(text);
        return answer.problem(proxy, "h", 443);
    };
    EXPECT_EQ(
        refused("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
        "the proxy p:3128 answered 407 to CONNECT h:443 (Proxy Authentication Required). It requires a user "
        "and password; write proxy: http://USER:PASSWORD@HOST:PORT");
    EXPECT_EQ(
        refused("HTTP/1.1 503\r\n\r\n"),
        "the proxy p:3128 answered 503 to CONNECT h:443. It cannot reach the server; check url and the route "
        "from the proxy to it");
    EXPECT_EQ(refused("SSH-2.0-\x1b[31m" + std::string(1000, 'x') + "\r\n"),
              "the proxy p:3128 does not respond like an HTTP proxy; it sent \"SSH-2.0-?[31m" +
                  std::string(67, 'x') + "\". Check proxy: http://HOST:PORT");
    ConnectAnswer cut;
    EXPECT_EQ(cut.broke_off(proxy, "the connection ended"),
              "the proxy p:3128 did not complete its response: it sent nothing, then the connection ended");
    cut.feed("HTTP/1.1 200 OK\r\nVia");
    EXPECT_EQ(
        cut.broke_off(proxy, "the connection ended"),
        "the proxy p:3128 did not complete its response: it sent \"HTTP/1.1 200 OK\", then the connection "
        "ended");
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
