// A command's output is forwarded to dashboards unchanged, split or gathered, and never split within a
// character.
#include "dashboards_fixture.hpp"

using namespace agenthost::hub_test;
using namespace std::chrono_literals;

namespace {

TEST_F(DashboardsTest, ForwardsEachPieceUnchanged)
{
    const Conn conn = open_dashboard();
    const std::string id = start(conn);
    running(id);
    heard(conn);
    // The terminal plugin sends in one turn: full chunks, one of them ending before a character, and the
    // rest.
    const std::string full(10'240, 'x'), nearly(10'237, 'y');
    struct {
        std::uint32_t channel;
        std::string bytes;
    } const pieces[] = {{1, "a"},  {1, "b"},    {2, "warning\n"}, {1, full},
                        {1, full}, {2, nearly}, {1, "\u20ac"}};
    std::array<std::uint64_t, 2> next{};
    std::uint64_t position = 0, sequence = 0;
    for (const auto& piece : pieces) {
        std::uint64_t& offset = next.at(piece.channel - 1);
        print(id, offset, piece.bytes, piece.channel);
        const json payload = only(conn)["payload"]; // at once, alone and whole
        EXPECT_EQ(payload["data"], piece.bytes);
        EXPECT_EQ(payload["stream"], piece.channel == 1 ? "stdout" : "stderr");
        EXPECT_EQ(payload["offset"], position);
        EXPECT_EQ(payload["sequence"], ++sequence);
        offset += piece.bytes.size(), position += piece.bytes.size();
    }
    pass(200ms);
    EXPECT_TRUE(heard(conn).empty());
}

TEST_F(DashboardsTest, ForwardsOutputThatTheNetworkDelayedForASecondUnchanged)
{
    const Conn conn = open_dashboard();
    const std::string id = start(conn);
    running(id);
    heard(conn);
    for (std::uint64_t round = 0; round < 3; ++round) {
        for (std::uint64_t i = 0; i < 20; ++i) { // one every 50 ms, of each stream
            print(id, round * 20 + i, "o", 1);
            print(id, round * 20 + i, "e", 2);
        }
        EXPECT_EQ(heard(conn).size(), 40U);
        pass(1s);
    }
}

TEST_F(DashboardsTest, ForwardsAPieceOfBinaryOutputUnchanged)
{
    const Conn conn = open_dashboard();
    const std::string id = start(conn, {{"encoding", "base64"}});
    running(id);
    heard(conn);
    print(id, 0, std::string(10'240, '\xff'));
    EXPECT_EQ(only(conn)["payload"]["data"].get<std::string>().size(), 13'656U);
}

TEST_F(DashboardsTest, SplitsOutputThatIsLongerThanTheProtocolAllows)
{
    const Conn conn = open_dashboard();
    const std::string id = start(conn);
    running(id);
    heard(conn);
    std::string block;
    while (block.size() < 1'000'000) block += "\u20ac\u00e9x\U0001F600";
    print(id, 0, block);
    std::string all;
    const auto frames = heard(conn);
    EXPECT_LE(frames.size(), block.size() / (10'240 - 3) + 1);
    for (const json& f : frames) {
        EXPECT_LE(f["payload"]["data"].get<std::string>().size(), 10'240U);
        EXPECT_EQ(f["payload"]["offset"], all.size());
        all += f["payload"]["data"];
    }
    EXPECT_TRUE(all == block) << "no character was cut";
}

TEST_F(DashboardsTest, GathersPiecesThatComeFasterThanTheProtocolAllows)
{
    const Conn conn = open_dashboard();
    const std::string id = start(conn);
    running(id);
    heard(conn);
    std::string printed, told;
    std::uint64_t sequence = 0;
    std::size_t frames = 0;
    const auto hear = [&] {
        for (const json& f : heard(conn)) {
            EXPECT_EQ(f["payload"]["offset"], told.size());
            EXPECT_EQ(f["payload"]["sequence"], ++sequence);
            EXPECT_LE(f["payload"]["data"].get<std::string>().size(), 10'240U);
            told += f["payload"]["data"];
            ++frames;
        }
    };
    for (int second = 0; second < 10; ++second) {
        for (int i = 0; i < 1'000; ++i) {
            const std::string piece(1, static_cast<char>('a' + i % 26));
            print(id, printed.size(), piece);
            printed += piece;
            pass(1ms);
        }
        hear();
    }
    EXPECT_LE(frames, 40U + 10 * 60);
    exits(id);
    const auto last = heard(conn);
    ASSERT_FALSE(last.empty());
    EXPECT_EQ(types(last).back(), "command:status completed");
    for (const json& f : last)
        if (f["type"] == "terminal:output") told += f["payload"]["data"];
    EXPECT_EQ(told, printed) << "nothing is lost, and the order is kept";
}

TEST_F(DashboardsTest, SendsASplitCharacterWithTheSecondPiece)
{
    const Conn conn = open_dashboard();
    const std::string id = start(conn);
    running(id);
    heard(conn);
    print(id, 0, "a\xc3");
    EXPECT_EQ(only(conn)["payload"]["data"], "a");
    print(id, 0, "\xe2", 2);
    EXPECT_TRUE(heard(conn).empty()) << "another stream's beginning of a character";
    print(id, 2, "\xa9 \xff");
    const json chunk = only(conn);
    EXPECT_EQ(chunk["payload"]["data"], "\u00e9 \ufffd");
    EXPECT_EQ(chunk["payload"]["sequence"], 2);
    print(id, 5, "\xe2\x82");
    exits(id);
    const auto frames = heard(conn);
    ASSERT_EQ(types(frames), (Names{"terminal:output", "terminal:output", "command:status completed"}));
    EXPECT_EQ(frames[0]["payload"]["data"], "\ufffd") << "it never became whole";
    EXPECT_EQ(frames[1]["payload"]["data"], "\ufffd");
}

TEST_F(DashboardsTest, BinaryOutputIsSentAsBase64OnRequest)
{
    const Conn conn = open_dashboard();
    const std::string id = start(conn, {{"encoding", "base64"}});
    running(id);
    heard(conn);
    print(id, 0, "\xff\x01");
    const json chunk = only(conn);
    EXPECT_EQ(chunk["payload"]["encoding"], "base64");
    EXPECT_EQ(chunk["payload"]["data"], "/wE=");
}

// Of an agent that is not ours: pieces of the two streams are never joined.
TEST_F(DashboardsTest, HoldsFewPiecesThatAlternateBetweenTheStreams)
{
    const Conn conn = open_dashboard();
    const std::string id = start(conn);
    running(id);
    heard(conn);
    std::uint32_t printed = 0;
    const auto alternate = [&](std::uint32_t pieces) {
        for (const std::uint32_t end = printed + pieces; printed < end; ++printed)
            print(id, printed / 2, "x", 1 + printed % 2);
    };
    alternate(40);
    EXPECT_EQ(heard(conn).size(), 40U);
    alternate(63);
    EXPECT_TRUE(heard(conn).empty());
    alternate(1);
    EXPECT_EQ(heard(conn).size(), 64U);
}

TEST_F(DashboardsTest, DoesNotJoinACharacterWithOutputThatNoDashboardSaw)
{
    const Conn first = open_dashboard();
    const std::string id = start(first);
    running(id);
    heard(first);
    print(id, 0, "a\xe2");
    EXPECT_EQ(only(first)["payload"]["data"], "a");
    enter([&] { dashboards.closed(first); });
    print(id, 2, "unseen");
    const Conn second = open_dashboard();
    heard(second);
    print(id, 8, "b");
    const json chunk = only(second);
    EXPECT_EQ(chunk["payload"]["data"], "b");
    EXPECT_EQ(chunk["payload"]["offset"], 8);
}

} // namespace
