// Answers in pieces whose length is known: what agenthost.listener/1 gives plugins as answer_begin,
// answer_chunk, answer_end.
#include "fixture.hpp"

using namespace agenthost;
using namespace agenthost::test;

namespace {

class StreamedAnswerTest : public ListenerTest {
protected:
    agh_conn ask(Raw& raw, std::uint64_t length, const std::string& method = "GET")
    {
        raw.send(method + " / HTTP/1.1\r\nHost: h\r\n\r\n");
        EXPECT_TRUE(wait_for([&] { return script.requests() > asked; }));
        asked = script.requests();
        EXPECT_EQ(listeners->answer_begin(script.last(), 200, "{}", length), AGH_OK);
        return script.last();
    }
    Script script;
    std::size_t asked = 0;
};

TEST_F(StreamedAnswerTest, SendsAKnownLengthWithoutChunks)
{
    script.request = [](agh_conn, const auto&) {};
    const int p = start();
    http(script, "/");
    Raw raw{p};
    for (int round = 0; round < 2; ++round) { // the connection is kept
        const agh_conn conn = ask(raw, 10);
        const auto head = raw.until("\r\n\r\n");
        EXPECT_NE(head.find("Content-Length: 10"), std::string::npos) << head;
        EXPECT_EQ(head.find("chunked"), std::string::npos) << head;
        EXPECT_EQ(listeners->answer_chunk(conn, "hello"), AGH_OK);
        EXPECT_EQ(raw.take(5), "hello");
        EXPECT_EQ(listeners->answer_chunk(conn, "world"), AGH_OK);
        EXPECT_EQ(listeners->answer_end(conn), AGH_OK);
        EXPECT_EQ(raw.take(5), "world");
        EXPECT_EQ(script.close_code(conn), 200);
    }
}

TEST_F(StreamedAnswerTest, AnAnswerToHeadNeedsNoPieces)
{
    script.request = [](agh_conn, const auto&) {};
    const int p = start();
    http(script, "/");
    Raw raw{p};
    for (const char* piece : {"", "hello"}) {
        const agh_conn conn = ask(raw, std::uint64_t{5} << 30, "HEAD");
        EXPECT_EQ(listeners->answer_chunk(conn, piece), AGH_OK);
        EXPECT_EQ(listeners->answer_end(conn), AGH_OK);
        EXPECT_NE(raw.until("\r\n\r\n").find("Content-Length: 5368709120"), std::string::npos);
        EXPECT_EQ(script.close_code(conn), 200);
    }
    const agh_conn next = ask(raw, 2); // on the same connection
    EXPECT_EQ(listeners->answer_chunk(next, "ok"), AGH_OK);
    EXPECT_EQ(listeners->answer_end(next), AGH_OK);
    EXPECT_TRUE(raw.until("\r\n\r\n").starts_with("HTTP/1.1 200 ")) << "HEAD's answers had no body";
    EXPECT_EQ(raw.take(2), "ok");
}

TEST_F(StreamedAnswerTest, AnIncompleteAnswerNeverLooksComplete)
{
    script.request = [](agh_conn, const auto&) {};
    const int p = start();
    http(script, "/");
    {
        Raw raw{p};
        const agh_conn conn = ask(raw, 10);
        EXPECT_EQ(listeners->answer_chunk(conn, "hello"), AGH_OK);
        EXPECT_EQ(listeners->answer_end(conn), AGH_OK);
        EXPECT_NE(script.close_code(conn), 200) << "dropped: five bytes are missing";
    }
    Raw raw{p};
    const agh_conn conn = ask(raw, 3);
    EXPECT_EQ(listeners->answer_chunk(conn, "hello"), AGH_OK);
    EXPECT_NE(script.close_code(conn), 200) << "dropped: more than was announced";
}

} // namespace
