#include "host/listener/request_head.hpp"

#include <gtest/gtest.h>

namespace {

using namespace agenthost::host::listener;
using State = HeadCollector::State;

TEST(HeadCollectorTest, FindsTheEndWhereverTheBytesAreCut)
{
    const std::string head = "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", next = "GET /next";
    for (std::size_t cut = 0; cut < head.size(); ++cut) {
        HeadCollector collector;
        std::string_view rest = head;
        std::size_t taken = collector.feed(rest.substr(0, cut), 1000);
        EXPECT_EQ(taken, cut);
        rest.remove_prefix(cut);
        taken += collector.feed(std::string{rest} + next, 1000);
        EXPECT_EQ(taken, head.size()) << "what follows is not taken";
        EXPECT_EQ(collector.state(), State::whole);
        EXPECT_EQ(collector.bytes(), head.substr(2)) << "without the empty line before it";
    }
}

TEST(HeadCollectorTest, TakesNoMoreThanOneByteBeyondTheBound)
{
    HeadCollector collector;
    EXPECT_EQ(collector.feed(std::string(60, 'x'), 100), 60U);
    EXPECT_EQ(collector.state(), State::more);
    EXPECT_EQ(collector.feed(std::string(60, 'x'), 100), 41U);
    EXPECT_EQ(collector.state(), State::too_large);
}

TEST(HeadCollectorTest, SkipsEmptyLinesBeforeTheHead)
{
    HeadCollector collector;
    EXPECT_EQ(collector.feed("\r\n\r\n", 100), 4U);
    EXPECT_FALSE(collector.begun());
    EXPECT_EQ(collector.feed("\r\n\r\n\r\n", 100), 6U);
    EXPECT_TRUE(collector.begun()) << "a stream of empty lines is no request";
    collector.reset();
    EXPECT_FALSE(collector.begun());
    EXPECT_EQ(collector.state(), State::more);
}

RequestHead parse(const std::string& line, const std::string& fields = {})
{
    return parse_request(line + "\r\nHost: h\r\n" + fields + "\r\n");
}

TEST(RequestHeadTest, ReportsWhatFollowsTheHead)
{
    const RequestHead plain = parse("GET /a%20b?c HTTP/1.1");
    ASSERT_FALSE(plain.refusal);
    EXPECT_EQ(plain.target.path, "/a b");
    EXPECT_EQ(plain.target.query, "c");
    EXPECT_TRUE(plain.facts.keep_alive);
    EXPECT_FALSE(plain.facts.body_unread);

    const RequestHead body = parse("PUT /x HTTP/1.1", "Content-Length: 5\r\nExpect: 100-Continue\r\n");
    ASSERT_FALSE(body.refusal);
    EXPECT_EQ(body.facts.length, 5U);
    EXPECT_TRUE(body.facts.body_unread);
    EXPECT_TRUE(body.facts.expects_continue);

    const RequestHead old = parse("HEAD / HTTP/1.0", "Connection: keep-alive\r\n");
    ASSERT_FALSE(old.refusal);
    EXPECT_TRUE(old.facts.http10);
    EXPECT_TRUE(old.facts.head_only);
    EXPECT_EQ(old.facts.connection_field(), "keep-alive");
}

TEST(RequestHeadTest, RefusesWithTheRightStatus)
{
    const auto status = [](const RequestHead& head) { return head.refusal ? head.refusal->status : 0; };
    EXPECT_EQ(status(parse("GET /../x HTTP/1.1")), 400);
    EXPECT_EQ(status(parse("CONNECT h:1 HTTP/1.1")), 400);
    EXPECT_EQ(status(parse("nonsense")), 400);
    EXPECT_EQ(status(parse("GET / HTTP/1.1", " folded\r\n")), 400);
    const RequestHead expects = parse("HEAD / HTTP/1.1", "Expect: tea\r\n");
    EXPECT_EQ(status(expects), 417);
    EXPECT_TRUE(expects.facts.head_only) << "so the refusal has no body";
    EXPECT_EQ(expects.facts.connection_field(), "close");
}

TEST(RequestHeadTest, IsPassedToThePluginAsJson)
{
    const RequestHead head = parse("POST /p?q HTTP/1.1", "X-A: 1\r\nx-a: 2\r\nContent-Length: 3\r\n");
    ASSERT_FALSE(head.refusal);
    EXPECT_EQ(head_json(head.request, head.target, head.facts,
                        {.peer = "192.0.2.1:5", .proxy = {}, .listener = "web", .tls = true, .spki = {}}),
              R"({"method":"POST","path":"/p","query":"q","headers":{"host":"h","x-a":"1, 2",)"
              R"("content-length":"3"},"peer":"192.0.2.1:5","listener":"web","tls":true,"length":3})");
}

} // namespace
