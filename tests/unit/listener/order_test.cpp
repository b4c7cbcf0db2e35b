// What a plugin asks of one connection is done in the order in which it asked, whichever thread it asked on.
#include "ws_frames.hpp"

namespace agenthost::test {
namespace {

class OrderTest : public ListenerTest {
protected:
    // On another thread; over when this returns, so the next call is later.
    static void elsewhere(const std::function<void()>& what) { std::thread{what}.join(); }
    void say(agh_conn conn, std::string_view message)
    {
        EXPECT_EQ(listeners->send(conn, AGH_WS_TEXT, message), AGH_OK);
    }
    void upgrade_with(std::string limits)
    {
        script.request = [this, limits](agh_conn conn, const json&) {
            EXPECT_EQ(listeners->upgrade(conn, {}, limits), AGH_OK);
        };
    }
    Raw connect(const std::string& extensions = {})
    {
        const int p = start();
        ws(script, "/ws");
        Raw raw{p};
        EXPECT_EQ(ask(raw, upgrade("/ws", extensions)).status, 101);
        return raw;
    }
    static std::vector<std::string> read(Raw& raw, std::size_t count)
    {
        std::vector<std::string> messages;
        while (messages.size() < count) messages.push_back(read_frame(raw).payload);
        return messages;
    }
    Script script;
};

// The hub's worker tells dashboards of output that it gathered; the next output comes while that is on its
// way to the I/O thread.
TEST_F(OrderTest, AMessageOfTheIoThreadFollowsEarlierOnesOfOtherThreads)
{
    upgrade_with({});
    script.frame = [this](agh_conn conn, int, std::string_view) {
        elsewhere([&] { say(conn, "1"); });
        say(conn, "2");
        elsewhere([&] { say(conn, "3"); });
        say(conn, "4");
    };
    Raw raw = connect();
    raw.send(frame(1, "go") + frame(1, "go"));
    EXPECT_EQ(read(raw, 8), (std::vector<std::string>{"1", "2", "3", "4", "1", "2", "3", "4"}));
}

TEST_F(OrderTest, TheOrderHoldsIfMessagesMayBeCompressed)
{
    upgrade_with(R"({"compress_from":4096})");
    script.frame = [this](agh_conn conn, int, std::string_view) {
        elsewhere([&] { say(conn, "1"); });
        say(conn, "2");
        elsewhere([&] { say(conn, "3"); });
    };
    Raw raw = connect("Sec-WebSocket-Extensions: permessage-deflate\r\n");
    raw.send(frame(1, "go"));
    EXPECT_EQ(read(raw, 3), (std::vector<std::string>{"1", "2", "3"}));
}

// Sizes around what goes directly into the cork, past it, and what waits for space.
TEST_F(OrderTest, MessagesThatWaitForSpaceKeepTheirOrder)
{
    upgrade_with(R"({"send_queue":100000000})");
    std::vector<std::string> sent;
    for (unsigned i = 0; i < 120; ++i) {
        const std::size_t sizes[] = {3, 200, 16'000, 17'000, 40'000, 300'000};
        sent.push_back(std::to_string(i) + " " + std::string(sizes[i % 6], static_cast<char>('a' + i % 26)));
    }
    std::atomic<bool> all_sent{false};
    script.frame = [&](agh_conn conn, int, std::string_view) {
        for (std::size_t i = 0; i < sent.size(); ++i) {
            if (i % 7 == 0)
                elsewhere([&] { say(conn, sent[i]); });
            else
                say(conn, sent[i]);
        }
        all_sent = true;
    };
    Raw raw = connect();
    raw.send(frame(1, "go"));
    ASSERT_TRUE(wait_for([&] { return all_sent.load(); }));
    EXPECT_TRUE(read(raw, sent.size()) == sent);
}

TEST_F(OrderTest, AMessageSentRightAfterTheUpgradeArrives)
{
    script.request = [this](agh_conn conn, const json&) {
        EXPECT_EQ(listeners->upgrade(conn, {}, {}), AGH_OK);
        elsewhere([&] { say(conn, "1"); });
        say(conn, "2");
    };
    Raw raw = connect();
    EXPECT_EQ(read(raw, 2), (std::vector<std::string>{"1", "2"}));
}

TEST_F(OrderTest, AMessageSentBeforeACloseArrives)
{
    upgrade_with({});
    script.frame = [this](agh_conn conn, int, std::string_view) {
        elsewhere([&] { say(conn, "1"); });
        EXPECT_EQ(listeners->close(conn, 4000, "over"), AGH_OK);
        elsewhere([&] { listeners->send(conn, AGH_WS_TEXT, "too late"); });
    };
    Raw raw = connect();
    raw.send(frame(1, "go"));
    EXPECT_EQ(read_frame(raw).payload, "1");
    const Frame last = read_frame(raw);
    EXPECT_EQ(last.opcode, 8);
    EXPECT_EQ(last.code(), 4000);
}

TEST_F(OrderTest, PiecesOfAnAnswerKeepTheirOrder)
{
    script.request = [this](agh_conn conn, const json&) {
        EXPECT_EQ(listeners->answer_begin(conn, 200, "{}", 4), AGH_OK);
        elsewhere([&] { EXPECT_EQ(listeners->answer_chunk(conn, "1"), AGH_OK); });
        EXPECT_EQ(listeners->answer_chunk(conn, "2"), AGH_OK);
        elsewhere([&] { EXPECT_EQ(listeners->answer_chunk(conn, "3"), AGH_OK); });
        EXPECT_EQ(listeners->answer_chunk(conn, "4"), AGH_OK);
        elsewhere([&] { EXPECT_EQ(listeners->answer_end(conn), AGH_OK); });
    };
    const int p = start();
    http(script, "/");
    Raw raw{p};
    const auto answer = ask(raw, get("/"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "1234");
}

} // namespace
} // namespace agenthost::test
