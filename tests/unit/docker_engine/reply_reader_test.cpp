#include "plugins/docker/engine/reply_reader.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace agenthost::docker::engine;
using agenthost::netclient::Switching;

struct Read {
    int status = 0;
    std::string body, rest, why;
    bool ended = false, failed = false, reusable = false;
};

Read read(std::string_view input, std::size_t step, Switching switching = Switching::refused, bool eof = true)
{
    ReplyReader reader{switching};
    Read out;
    while (!input.empty() && !out.ended && !out.failed) {
        auto part = input.substr(0, step);
        input.remove_prefix(part.size());
        for (;;) {
            const auto next = reader.step(part);
            part.remove_prefix(next.taken);
            if (next.event == ReplyReader::Event::head) out.status = reader.head().status;
            out.body += next.content;
            out.ended = next.event == ReplyReader::Event::end;
            out.failed = next.event == ReplyReader::Event::failed;
            if (out.ended) out.rest = part;
            if (next.event == ReplyReader::Event::more || out.ended || out.failed) break;
        }
    }
    if (eof && !out.ended && !out.failed) {
        const auto last = reader.finish();
        out.ended = last == ReplyReader::Event::end;
        out.failed = last == ReplyReader::Event::failed;
    }
    out.why = reader.why();
    out.reusable = reader.reusable();
    return out;
}

TEST(ReplyReader, ReadsABodyByLengthAndLeavesWhatFollows)
{
    const std::string reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    for (std::size_t step = 1; step < 60; ++step) {
        const auto out = read(reply + "HTTP", step);
        EXPECT_TRUE(out.ended);
        EXPECT_EQ(out.status, 200);
        EXPECT_EQ(out.body, "hello") << step;
        EXPECT_TRUE(out.reusable);
    }
    EXPECT_EQ(read(reply + "HTTP", 1000).rest, "HTTP");
}

TEST(ReplyReader, ReadsChunksWhereverTheBytesAreCut)
{
    const std::string reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
    for (std::size_t step = 1; step <= reply.size(); ++step) {
        const auto out = read(reply, step);
        EXPECT_TRUE(out.ended) << out.why;
        EXPECT_EQ(out.body, "abc0123456789abcdef") << step;
        EXPECT_TRUE(out.reusable);
    }
}

TEST(ReplyReader, EndsWithTheConnectionOnlyWhereThatIsAllowed)
{
    const auto whole = read("HTTP/1.0 200 OK\r\n\r\nall of it", 4);
    EXPECT_TRUE(whole.ended);
    EXPECT_EQ(whole.body, "all of it");
    EXPECT_FALSE(whole.reusable);
    for (const char* cut : {"", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"})
        EXPECT_TRUE(read(cut, 7).failed) << cut;
}

TEST(ReplyReader, HasNoBodyAfter204And304)
{
    for (const char* reply : {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\n\r\n"}) {
        const auto out = read(reply, 1000);
        EXPECT_TRUE(out.ended);
        EXPECT_TRUE(out.reusable);
    }
}

TEST(ReplyReader, PassesEverythingOnAfterAnUpgrade)
{
    const std::string reply =
        "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nraw\r\nbytes";
    for (std::size_t step = 1; step <= reply.size(); ++step) {
        const auto out = read(reply, step, Switching::expected);
        EXPECT_TRUE(out.ended);
        EXPECT_EQ(out.body, "raw\r\nbytes");
        EXPECT_FALSE(out.reusable);
    }
    EXPECT_TRUE(read(reply, 1000).failed);
}

TEST(ReplyReader, RejectsWhatIsNotHttp)
{
    EXPECT_TRUE(read("SSH-2.0-OpenSSH_9.2\r\n", 1000, Switching::refused, false).failed);
    EXPECT_TRUE(read("SSH-2.0-OpenSSH_9.2\r\n", 1, Switching::refused, false).failed);
    EXPECT_TRUE(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 3).failed);
    EXPECT_TRUE(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 3).failed);
}

TEST(ReplyReader, RejectsAHeadThatNeverEnds)
{
    const std::string head = "HTTP/1.1 200 OK\r\nX: " + std::string(100 * 1024, 'x');
    for (const std::size_t step : {std::size_t{1}, std::size_t{1000}, head.size()})
        EXPECT_TRUE(read(head, step, Switching::refused, false).failed) << step;
    std::string interim;
    while (interim.size() < 100 * 1024) interim += "HTTP/1.1 100 Continue\r\n\r\n";
    EXPECT_TRUE(read(interim, 5000, Switching::refused, false).failed);
}

TEST(ReplyReader, DoesNotReuseAConnectionThatTheEngineCloses)
{
    EXPECT_FALSE(read("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", 9).reusable);
}

} // namespace
