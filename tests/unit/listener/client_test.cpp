// Whose connection it is, without a listener: PROXY headers over a socket, forwarded headers, and what is
// counted.
#include "host/listener/client.hpp"

#include "base/fd.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <sys/socket.h>

namespace agenthost::test {
namespace {

using namespace host::listener;

constexpr const char* proxy_address = "10.0.0.1:5000";

class ClientTest : public testing::Test {
protected:
    ClientTest()
    {
        settings.config.per_address = 1;
        settings.config.proxy_protocol = true;
        settings.trusted.push_back(*netclient::parse_range("10.0.0.0/8"));
        int pair[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        near.reset(pair[0]);
        far.reset(pair[1]);
    }
    Client client(bool trusted = true)
    {
        Client made{*listening, settings, {}, trusted};
        made.connected(proxy_address);
        return made;
    }
    void send(std::string_view bytes)
    {
        ASSERT_EQ(::send(far.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    }
    std::string rest()
    {
        char bytes[256];
        const ssize_t n = ::recv(near.get(), bytes, sizeof bytes, 0);
        return {bytes, static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
    }
    bool is_free(const std::string& address)
    {
        const bool counted = listening->count(address, settings.config);
        if (counted) listening->uncount(address);
        return counted;
    }

    std::shared_ptr<Listening> listening = std::make_shared<Listening>("web");
    Settings settings;
    base::Fd near, far;
};

TEST_F(ClientTest, ReadsThePROXYHeaderAndNotAByteMore)
{
    Client c = client();
    ASSERT_TRUE(c.expects_proxy_header());
    EXPECT_EQ(c.read_proxy_header(near.get()), Client::Header::more);
    send("PROXY TCP4 192.0.2.7 ");
    EXPECT_EQ(c.read_proxy_header(near.get()), Client::Header::more);
    send("10.0.0.1 4711 443\r\nGET / HTTP/1.1");
    EXPECT_EQ(c.read_proxy_header(near.get()), Client::Header::good);
    EXPECT_EQ(c.address(), "192.0.2.7:4711");
    EXPECT_TRUE(c.behind_proxy());
    EXPECT_EQ(rest(), "GET / HTTP/1.1");
    EXPECT_FALSE(is_free("192.0.2.7")) << "counted under the client's address";
}

TEST_F(ClientTest, RefusesAConnectionThatDoesNotBeginWithThePROXYHeader)
{
    Client c = client();
    send("GET / HTTP/1.1\r\n\r\n");
    EXPECT_EQ(c.read_proxy_header(near.get()), Client::Header::invalid);
}

TEST_F(ClientTest, RefusesAConnectionThatEndsInThePROXYHeader)
{
    Client c = client();
    send("PROXY TCP4");
    far.reset();
    EXPECT_EQ(c.read_proxy_header(near.get()), Client::Header::invalid);
}

TEST_F(ClientTest, CountsAClientThatThePROXYHeaderNames)
{
    ASSERT_TRUE(listening->count("192.0.2.7", settings.config));
    Client c = client();
    send("PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n");
    EXPECT_EQ(c.read_proxy_header(near.get()), Client::Header::too_many);
}

TEST_F(ClientTest, ExpectsThePROXYHeaderOnlyFromTrustedProxies)
{
    EXPECT_FALSE(client(false).expects_proxy_header());
    settings.config.proxy_protocol = false;
    EXPECT_FALSE(client().expects_proxy_header());
}

TEST_F(ClientTest, FindsTheClientOfEachRequest)
{
    boost::asio::io_context io;
    const host::net::Stream stream{io.get_executor(), near.release()};
    Client c = client();
    WebSocket::Request first, second;
    first.set("X-Forwarded-For", "203.0.113.9, 192.0.2.7");
    second.set("X-Forwarded-For", "192.0.2.8");
    ASSERT_TRUE(c.find(first, stream));
    EXPECT_EQ(c.address(), "192.0.2.7:0") << "the rest is the client's own claim";
    EXPECT_TRUE(c.behind_proxy());
    EXPECT_FALSE(is_free("192.0.2.7"));
    c.request_over();
    EXPECT_TRUE(is_free("192.0.2.7")) << "between requests it is nobody's connection";
    ASSERT_TRUE(c.find(second, stream));
    EXPECT_EQ(c.address(), "192.0.2.8:0");
}

TEST_F(ClientTest, RefusesARequestOfAClientWithTooManyConnections)
{
    boost::asio::io_context io;
    const host::net::Stream stream{io.get_executor(), near.release()};
    ASSERT_TRUE(listening->count("192.0.2.7", settings.config));
    Client c = client();
    WebSocket::Request request;
    request.set("X-Forwarded-For", "192.0.2.7");
    EXPECT_FALSE(c.find(request, stream));
}

TEST_F(ClientTest, IgnoresForwardedHeadersOfOthers)
{
    boost::asio::io_context io;
    const host::net::Stream stream{io.get_executor(), near.release()};
    Client c = client(false);
    WebSocket::Request request;
    request.set("X-Forwarded-For", "192.0.2.7");
    ASSERT_TRUE(c.find(request, stream));
    EXPECT_EQ(c.address(), proxy_address);
    EXPECT_FALSE(c.behind_proxy());
    EXPECT_TRUE(is_free("192.0.2.7"));
}

TEST_F(ClientTest, IsNoLongerCountedAfterItHasLeft)
{
    ASSERT_TRUE(listening->admit("192.0.2.7", settings.config));
    Client c{*listening, settings, "192.0.2.7", false};
    EXPECT_FALSE(is_free("192.0.2.7"));
    c.leave();
    EXPECT_TRUE(is_free("192.0.2.7"));
    EXPECT_EQ(listening->connections, 0U);
}

} // namespace
} // namespace agenthost::test
