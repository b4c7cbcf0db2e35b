#include "netclient/http_head.hpp"

#include <gtest/gtest.h>

namespace {

using namespace agenthost::netclient;

struct Parsed {
    HeadResult result;
    ResponseHead head;
    std::string why;
};
Parsed parse(std::string_view text, Switching switching = Switching::refused)
{
    Parsed p;
    p.result = parse_response_head(text, p.head, p.why, switching);
    return p;
}

TEST(HttpHead, ReadsTheFieldsATransferNeeds)
{
    const std::string head = "HTTP/1.1 206 Partial Content\r\nContent-Length: 12\r\nETag: "
                             "\"v\"\r\nLast-Modified: a\r\nDate: b\r\nContent-Range: bytes 3-14/15\r\n\r\n";
    const auto p = parse(head + "body");
    ASSERT_EQ(p.result, HeadResult::complete) << p.why;
    EXPECT_EQ(p.head.status, 206);
    EXPECT_EQ(p.head.length, 12u);
    EXPECT_EQ(p.head.header("etag"), "\"v\"");
    EXPECT_EQ(p.head.header("last-modified"), "a");
    EXPECT_EQ(p.head.header("date"), "b");
    EXPECT_EQ(p.head.header("content-range"), "bytes 3-14/15");
    EXPECT_EQ(p.head.size, head.size());
    EXPECT_FALSE(p.head.chunked);
}

TEST(HttpHead, WaitsForTheWholeHead)
{
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t size = 0; size < head.size(); ++size)
        EXPECT_EQ(parse(head.substr(0, size)).result, HeadResult::more) << size;
    EXPECT_TRUE(parse(head).head.chunked);
}

TEST(HttpHead, EndsAfterItsEmptyLine)
{
    EXPECT_EQ(end_of_head("A\r\n\r\nbody"), 5u);
    EXPECT_EQ(end_of_head("A\n\nbody"), 3u);
    EXPECT_EQ(end_of_head("A\n\r\nbody"), 4u);
    for (const char* text : {"", "A", "A\r\n", "A\n\r", "A\r\nB: c\r\n"})
        EXPECT_EQ(end_of_head(text), std::string_view::npos) << text;
}

TEST(HttpHead, SkipsInformationalAnswers)
{
    const std::string early = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
                      final = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    EXPECT_EQ(parse(early).result, HeadResult::more);
    const auto p = parse(early + final);
    EXPECT_EQ(p.head.status, 201);
    EXPECT_EQ(p.head.size, early.size() + final.size());
}

TEST(HttpHead, OffersEveryHeaderByItsLowerCaseName)
{
    const auto p = parse("HTTP/1.1 200 OK\r\nAPI-Version: 1.45\r\nX: a\r\nx: b\r\nContent-Length: 0\r\n\r\n");
    ASSERT_EQ(p.result, HeadResult::complete) << p.why;
    EXPECT_EQ(p.head.header("api-version"), "1.45");
    EXPECT_EQ(p.head.header("x"), "a, b");
    EXPECT_EQ(p.head.header("absent"), "");
}

TEST(HttpHead, AcceptsSwitchedProtocolsWhenTheyAreExpected)
{
    const std::string head = "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
                             "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    const auto p = parse("HTTP/1.1 100 Continue\r\n\r\n" + head + "raw bytes", Switching::expected);
    ASSERT_EQ(p.result, HeadResult::complete) << p.why;
    EXPECT_EQ(p.head.status, 101);
    EXPECT_EQ(p.head.header("upgrade"), "tcp");
    EXPECT_FALSE(p.head.length); // what follows is not a body
    EXPECT_FALSE(p.head.chunked);
    EXPECT_EQ(p.head.size, head.size() + 25); // the raw bytes begin there
    for (std::size_t size = 0; size < head.size(); ++size)
        EXPECT_EQ(parse(head.substr(0, size), Switching::expected).result, HeadResult::more) << size;
}

TEST(HttpHead, RejectsUnrequestedCodings)
{
    for (const std::string text : {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                                   "HTTP/1.1 101 Switching Protocols\r\n\r\n"}) {
        const auto p = parse(text);
        EXPECT_EQ(p.result, HeadResult::unsupported) << text;
        EXPECT_FALSE(p.why.empty());
    }
}

TEST(HttpHead, RejectsUnusableResponses)
{
    for (const std::string text :
         {"SSH-2.0-OpenSSH\r\n", "\x16\x03\x01", "HTTP/1.1 2x0 OK\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
          "HTTP/1.1 200 OK\r\nbad header\r\n\r\n"}) {
        const auto p = parse(text);
        EXPECT_EQ(p.result, HeadResult::bad) << text;
        EXPECT_FALSE(p.why.empty());
    }
    EXPECT_EQ(parse("HTTP/1.1 200 OK\r\nX: " + std::string(40'000, 'a')).result, HeadResult::bad);
}

TEST(HttpHead, ReadsContentRanges)
{
    EXPECT_EQ(parse_content_range("bytes 100-199/200")->first, 100u);
    EXPECT_EQ(parse_content_range("bytes 100-199/200")->total, 200u);
    EXPECT_EQ(parse_content_range("bytes 0-0/*")->total, std::nullopt);
    EXPECT_EQ(parse_content_range("bytes */200")->first, std::nullopt);
    for (const char* text :
         {"", "items 0-1/2", "bytes 5-4/10", "bytes 0-10/10", "bytes a-b/c", "bytes 0-1", "bytes -1/2"})
        EXPECT_FALSE(parse_content_range(text)) << text;
}

TEST(HttpHead, RefusesToWriteHeaderInjection)
{
    std::string why;
    const auto text = request_head("PUT", *parse_url("http://h:81/x?y", why),
                                   {{"A", "1"}, {"B", "2\r\nEvil: 1"}, {"C\r\nEvil", "3"}, {"D:", "4"}});
    EXPECT_EQ(text, "PUT /x?y HTTP/1.1\r\nHost: h:81\r\nConnection: close\r\nA: 1\r\n\r\n");
}

TEST(HttpHead, ARequestToUpgradeKeepsItsConnectionHeader)
{
    EXPECT_EQ(
        request_head("POST", "docker", "/exec/1/start", {{"Connection", "Upgrade"}, {"Upgrade", "tcp"}}),
        "POST /exec/1/start HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
}

} // namespace
