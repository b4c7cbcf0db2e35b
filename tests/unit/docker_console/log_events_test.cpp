#include "plugins/docker/console/log_events.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace {

using namespace agenthost::docker::console;
using namespace std::chrono_literals;

class Events : public testing::Test {
protected:
    void add(std::string_view text, Stream stream = Stream::out, bool continues = false)
    {
        Item item;
        item.stream = stream;
        item.continues = continues;
        item.stamp_ns = static_cast<std::int64_t>(position_);
        item.text = text;
        events_.add(position_++, item, now_);
    }
    std::vector<LogEvent> take() { return events_.take(now_); }

    LogEvents events_{{.lines = 10, .bytes = 1000, .delay = 100ms}};
    LogEvents::Time now_ = LogEvents::Time{} + 1000s;
    std::uint64_t position_ = 0;
};

TEST_F(Events, SendTheFirstLineAtOnceAndCollectTheRest)
{
    EXPECT_FALSE(events_.due());
    add("one");
    ASSERT_TRUE(events_.due());
    EXPECT_LE(*events_.due(), now_);
    EXPECT_EQ(take().size(), 1u);
    now_ += 1ms;
    add("two");
    add("three");
    EXPECT_EQ(*events_.due(), now_ + 99ms);
    now_ += 99ms;
    const auto out = take();
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].text, "two\nthree");
    EXPECT_EQ(out[0].position, 1u);
    EXPECT_EQ(out[0].entries, 2u);
    EXPECT_EQ(out[0].dropped, 0u);
    EXPECT_FALSE(events_.due());
}

TEST_F(Events, AreCutWhereLevelOrStreamChanges)
{
    add("[INFO] one");
    add("[ERROR] two");
    add("rest of two", Stream::out, true);
    add("three", Stream::err);
    const auto out = take();
    ASSERT_EQ(out.size(), 3u);
    EXPECT_EQ(out[0].level, Level::info);
    EXPECT_EQ(out[1].level, Level::error);
    EXPECT_EQ(out[1].text, "[ERROR] tworest of two");
    EXPECT_EQ(out[1].entries, 2u);
    EXPECT_EQ(out[2].stream, Stream::err);
    EXPECT_EQ(out[2].position, 3u);
}

TEST_F(Events, ReportHowManyLinesAFloodHasDropped)
{
    for (int i = 0; i < 25; ++i) add("flood");
    auto out = take();
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].entries, 10u);
    EXPECT_EQ(*events_.due(), now_ + 1s); // silence after the flood still gets its count
    now_ += 500ms;
    add("still too many");
    EXPECT_TRUE(take().empty());
    now_ += 500ms;
    add("after");
    out = take();
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].text, "after");
    EXPECT_EQ(out[0].position, 26u);
    EXPECT_EQ(out[0].dropped, 16u);
}

TEST_F(Events, ReportTheCountWithoutALineWhenTheFloodEnds)
{
    for (int i = 0; i < 12; ++i) add("flood");
    take();
    now_ += 1s;
    const auto out = take();
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].entries, 0u);
    EXPECT_EQ(out[0].dropped, 2u);
    EXPECT_EQ(out[0].position, 12u);
    EXPECT_FALSE(events_.due());
}

TEST_F(Events, BoundTheBytesOfASecond)
{
    add(std::string(600, 'x'));
    add(std::string(600, 'x'));
    now_ += 1s;
    add("next");
    const auto out = take();
    ASSERT_EQ(out.size(), 2u);
    EXPECT_EQ(out[0].text.size(), 600u);
    EXPECT_EQ(out[1].dropped, 1u);
}

// Whatever is printed and whenever it is asked: entries and dropped ones are every position, in order, once.
TEST_F(Events, AccountForEveryPosition)
{
    std::mt19937 random{3};
    for (int round = 0; round < 200; ++round) {
        events_ = LogEvents{{.lines = 5, .bytes = 300, .delay = 100ms}};
        const std::uint64_t first = position_;
        std::vector<LogEvent> all;
        const auto collect = [&] {
            for (auto& event : take()) all.push_back(std::move(event));
        };
        for (int i = 0; i < 200; ++i) {
            now_ += std::chrono::milliseconds{random() % 3 == 0 ? random() % 400 : 0};
            if (events_.due() && *events_.due() <= now_) collect();
            add(random() % 4 == 0 ? "[ERROR] x" : "line", random() % 5 == 0 ? Stream::err : Stream::out);
        }
        for (int i = 0; i < 3; ++i) {
            now_ += 1s;
            collect();
        }
        std::uint64_t at = first;
        for (const auto& event : all) {
            at += event.dropped;
            ASSERT_EQ(event.position, at);
            at += event.entries;
        }
        ASSERT_EQ(at, position_);
    }
}

} // namespace
