#include "host/session/dial.hpp"

#include "tests/support/proxy.hpp"
#include "tests/support/support.hpp"

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace agenthost::host {
namespace {

using boost::asio::ip::tcp;
using ::testing::HasSubstr;

class DialTest : public testing::Test {
protected:
    DialTest() { options.url.host = "files.example", options.url.port = 8443; }
    static tcp::endpoint address(int port)
    {
        return {boost::asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)};
    }
    tcp::endpoint closed() { return address(test::free_port()); }
    // The problem; empty: the stream is ready.
    std::string dial()
    {
        std::optional<std::string> problem;
        made.emplace(io.get_executor(), options);
        made->start([&](std::string text) { problem = std::move(text); });
        EXPECT_FALSE(problem) << "called from the event loop";
        EXPECT_TRUE(test::wait_for([&] {
            io.restart();
            io.poll();
            return problem.has_value();
        }));
        return problem.value_or("no callback");
    }
    std::string dial_through(const std::string& answer)
    {
        test::HttpServer proxy{[&](const test::HttpRequest& request) {
            head = request.head;
            return answer;
        }};
        std::string why;
        options.proxy = netclient::parse_proxy(proxy.url(), why);
        options.addresses = {address(proxy.port())};
        std::string problem = dial();
        made.reset();
        return problem;
    }

    boost::asio::io_context io;
    // Its backlog completes connections.
    tcp::acceptor listening{io, tcp::endpoint{boost::asio::ip::address_v4::loopback(), 0}};
    Link::Options options;
    std::optional<Dial> made;
    std::string head;
};

TEST_F(DialTest, ConnectsToTheFirstAddressThatAnswers)
{
    options.addresses = {closed(), listening.local_endpoint(), closed()};
    EXPECT_EQ(dial(), "");
    ASSERT_NE(made->stream(), nullptr);
    EXPECT_EQ(made->take_stream().peer(), "127.0.0.1:" + std::to_string(listening.local_endpoint().port()));
    EXPECT_EQ(made->stream(), nullptr);
}

TEST_F(DialTest, SaysWhyNoAddressAnswers)
{
    options.addresses = {closed()};
    const std::string problem = dial();
    EXPECT_THAT(problem, HasSubstr("cannot connect to files.example: 127.0.0.1:"));
    EXPECT_THAT(problem, HasSubstr("Connection refused. Check url, the server and the firewall between"));
    options.addresses.clear();
    EXPECT_THAT(dial(), HasSubstr("files.example: it has no address"));
}

TEST_F(DialTest, DoesNotCallBackAfterStop)
{
    options.addresses = {listening.local_endpoint()};
    made.emplace(io.get_executor(), options);
    bool called = false;
    made->start([&](const std::string&) { called = true; });
    io.poll_one();
    made->stop();
    for (int i = 0; i < 3; ++i) {
        io.restart();
        io.poll();
    }
    EXPECT_FALSE(called);
    EXPECT_EQ(made->stream(), nullptr);
}

TEST_F(DialTest, OpensATunnelThroughTheProxy)
{
    EXPECT_EQ(dial_through("HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n"), "");
    EXPECT_EQ(head, "CONNECT files.example:8443 HTTP/1.1\r\nHost: files.example:8443\r\n\r\n");
    EXPECT_EQ(dial_through("HTTP/1.0 200 OK\nVia: test\n\n"), "") << "lines that end in LF alone";
}

TEST_F(DialTest, QuotesWhatTheProxySent)
{
    EXPECT_THAT(
        dial_through("SSH-2.0-OpenSSH_9.2\r\n"),
        HasSubstr("does not respond like an HTTP proxy; it sent \"SSH-2.0-OpenSSH_9.2\". Check proxy"));
    EXPECT_THAT(
        dial_through("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
        HasSubstr("answered 407 to CONNECT files.example:8443 (Proxy Authentication Required). It requires"));
    EXPECT_THAT(
        dial_through("HTTP/1.1 200 OK\r\nVia: te"),
        HasSubstr("did not complete its response: it sent \"HTTP/1.1 200 OK\", then the connection ended"));
    EXPECT_THAT(dial_through(""), HasSubstr("it sent nothing, then the connection ended"));
    EXPECT_THAT(dial_through("HTTP/1.1 200 OK\r\n\r\nhello\n"),
                HasSubstr("sent unexpected data after the CONNECT response: \"hello\""));
}

} // namespace
} // namespace agenthost::host
