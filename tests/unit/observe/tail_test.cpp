// The log's last lines in memory.
#include "host/observe/log_tail.hpp"

#include <agenthost/ext/log_tap.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

using namespace agenthost::host::log;
using nlohmann::json;

namespace {

constexpr std::size_t tail_capacity = AGH_LOG_TAP_BYTES;

struct LogTail : testing::Test {
    Tail tail{1000};
    std::uint64_t position = 0, lost = 0;

    std::vector<json> read(Level least = Level::trace, std::string_view except = {},
                           std::size_t capacity = tail_capacity)
    {
        std::vector<json> out;
        std::istringstream lines{tail.read(least, except, position, capacity, lost)};
        for (std::string line; std::getline(lines, line);) out.push_back(json::parse(line));
        return out;
    }
};

TEST_F(LogTail, ReturnsLinesOnceInOrder)
{
    tail.add(Level::info, "agenthost", "one", "", 5);
    tail.add(Level::warn, "session files", "two \"quoted\"", R"({"a":1})", 6);
    const auto lines = read();
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0], json::parse(R"({"at":5,"level":"info","source":"agenthost","message":"one"})"));
    EXPECT_EQ(
        lines[1],
        json::parse(
            R"({"at":6,"level":"warning","source":"session files","message":"two \"quoted\"","fields":{"a":1}})"));
    EXPECT_TRUE(read().empty());
    tail.add(Level::error, "x", "three", "", 7);
    EXPECT_EQ(read().size(), 1u);
    EXPECT_EQ(lost, 0u);
}

TEST_F(LogTail, OmitsLowerLevelsAndTheReadersOwnLines)
{
    tail.add(Level::info, "agenthost", "quiet", "", 1);
    tail.add(Level::error, "plugin telemetry", "mine", "", 2);
    tail.add(Level::error, "agenthost", "loud", "", 3);
    const auto lines = read(Level::warn, "plugin telemetry");
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines[0]["message"], "loud");
}

TEST_F(LogTail, IsBoundedAndReportsLosses)
{
    for (std::size_t i = 0; i < Tail::max_lines + 10; ++i)
        tail.add(Level::info, "r", std::to_string(i), "", 0);
    const auto first = read();
    EXPECT_EQ(lost, 10u);
    EXPECT_EQ(first.front()["message"], "10");
    for (std::size_t i = 0; i < Tail::max_lines * 3; ++i) tail.add(Level::info, "r", "later", "", 0);
    read();
    EXPECT_EQ(lost, Tail::max_lines * 2);
}

TEST_F(LogTail, IsBoundedInBytes)
{
    for (int i = 0; i < 200; ++i) tail.add(Level::info, "r", std::string(4000, 'x'), "", 0);
    std::size_t bytes = 0, lines = 0;
    for (;;) {
        const auto some = read();
        if (some.empty()) break;
        for (const auto& line : some) bytes += line["message"].get<std::string>().size();
        lines += some.size();
    }
    EXPECT_LE(bytes, Tail::max_bytes);
    EXPECT_GT(lines, 50u);
}

TEST_F(LogTail, FitsAnyLineIntoTheSmallestBuffer)
{
    tail.add(Level::info, std::string(1000, '\x01'), std::string(9000, '\x01'),
             "{\"x\":\"" + std::string(3000, 'y') + "\"}", 0);
    tail.add(Level::info, "r", "after", "", 0);
    const auto lines = read();
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[1]["message"], "after");
    EXPECT_EQ(lost, 0u);
}

TEST_F(LogTail, ContinuesWhereTheBufferWasFull)
{
    for (int i = 0; i < 100; ++i)
        tail.add(Level::info, "r", std::string(1000, 'x') + std::to_string(i), "", 0);
    std::size_t count = 0;
    for (auto lines = read(); !lines.empty(); lines = read()) {
        EXPECT_LT(lines.size(), 100u);
        count += lines.size();
    }
    EXPECT_EQ(count, 100u);
}

TEST_F(LogTail, TreatsAPositionOfAnEarlierRunAsTheStart)
{
    tail.add(Level::info, "r", "one", "", 0);
    position = 7;
    EXPECT_EQ(read().size(), 1u);
    EXPECT_EQ(lost, 0u);
    position = UINT64_MAX; // of a clock that went back: not for ever behind
    EXPECT_TRUE(read().empty());
    tail.add(Level::info, "r", "two", "", 0);
    EXPECT_EQ(read().size(), 1u);
}

TEST_F(LogTail, OmitsInvalidFields)
{
    tail.add(Level::info, "r", "x", "{broken", 0);
    tail.add(Level::info, "r", "y", "{\"big\":\"" + std::string(8000, 'z') + "\"}", 0);
    for (const auto& line : read()) EXPECT_FALSE(line.contains("fields"));
}

TEST(Log, KeepsWrittenLinesForReaders)
{
    std::uint64_t position = UINT64_MAX, lost = 0; // from now on
    (void)read_tail(Level::trace, "", position, tail_capacity, lost);
    write(Level::warn, "a part of the test", "heard", R"({"n":1})");
    write(Level::debug, "a part of the test", "below the level", "");
    const auto text = read_tail(Level::trace, "", position, tail_capacity, lost);
    EXPECT_NE(text.find(R"("source":"a part of the test","message":"heard","fields":{"n":1})"),
              std::string::npos)
        << text;
    EXPECT_EQ(text.find("below the level"), std::string::npos);
}

} // namespace
