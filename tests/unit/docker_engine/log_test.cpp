#include "plugins/docker/engine/log_parts.hpp"
#include "plugins/docker/engine/log_position.hpp"
#include "tests/unit/docker_engine/log_frame.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace agenthost::docker::engine;
using agenthost::test::frame;

constexpr const char* stamp = "2026-11-30T08:00:00.000000042Z ";
constexpr std::int64_t stamp_value = 1796025600'000000042;

struct Part {
    std::int64_t stamp;
    int stream;
    std::string text;
    bool ends, continues;
    bool operator==(const Part&) const = default;
};

std::vector<Part> cut(LogParts::Format format, std::string_view input, std::size_t step, bool* good = nullptr)
{
    LogParts parts{format};
    std::vector<Part> out;
    const auto on_part = [&](const LogPart& part) {
        out.push_back({part.stamp_ns, static_cast<int>(part.stream), std::string{part.text}, part.ends_line,
                       part.continues});
    };
    bool fine = true;
    while (!input.empty() && fine) {
        fine = parts.push(input.substr(0, step), on_part);
        input.remove_prefix(std::min(step, input.size()));
    }
    fine = fine && parts.finish(on_part);
    if (good != nullptr) *good = fine;
    return out;
}

TEST(LogParts, ReadsAFrameAsAMessage)
{
    const std::string input = frame(1, stamp + std::string{"hello\n"}) +
                              frame(2, stamp + std::string{"with return\r\n"}) +
                              frame(1, stamp + std::string{"a part"}) + frame(1, stamp + std::string{" b\n"});
    const std::vector<Part> expected{{stamp_value, 1, "hello", true, false},
                                     {stamp_value, 2, "with return", true, false},
                                     {stamp_value, 1, "a part", false, false},
                                     {stamp_value, 1, " b", true, false}};
    for (std::size_t step = 1; step <= input.size(); ++step)
        EXPECT_EQ(cut(LogParts::Format::multiplexed, input, step), expected) << step;
}

TEST(LogParts, ReadsRawLinesOfATerminal)
{
    const std::string input =
        std::string{stamp} + "one\r\n" + stamp + "\x1b[1mtwo\x1b[0m\r\n" + stamp + "prompt> ";
    const std::vector<Part> expected{{stamp_value, 1, "one", true, false},
                                     {stamp_value, 1, "\x1b[1mtwo\x1b[0m", true, false},
                                     {stamp_value, 1, "prompt> ", false, false}};
    for (std::size_t step = 1; step <= input.size(); ++step)
        EXPECT_EQ(cut(LogParts::Format::raw, input, step), expected) << step;
}

TEST(LogParts, CutsALongRawLineWhereItsStampIsRepeated)
{
    const std::string big(LogParts::driver_part, 'x'), tail(100, 'y');
    const std::string input = stamp + big + stamp + big + stamp + tail + "\n" + stamp + "next\n";
    const std::vector<Part> expected{{stamp_value, 1, big, false, false},
                                     {stamp_value, 1, big, false, false},
                                     {stamp_value, 1, tail, true, false},
                                     {stamp_value, 1, "next", true, false}};
    for (const std::size_t step : {std::size_t{1}, std::size_t{4096}, input.size()})
        EXPECT_EQ(cut(LogParts::Format::raw, input, step), expected) << step;
}

TEST(LogParts, PassesAHugeMessageOnInPieces)
{
    const std::string text(3 * LogParts::max_message, 'z');
    const auto out = cut(LogParts::Format::multiplexed, frame(1, stamp + text + "\n"), 64 * 1024);
    ASSERT_GE(out.size(), 3u);
    std::string joined;
    for (const auto& part : out) {
        joined += part.text;
        EXPECT_EQ(part.stamp, stamp_value);
        EXPECT_EQ(part.continues, &part != &out.front());
        EXPECT_EQ(part.ends, &part == &out.back());
    }
    EXPECT_EQ(joined, text);
}

TEST(LogParts, RejectsBrokenFramesAndACutFrame)
{
    bool good = true;
    cut(LogParts::Format::multiplexed, std::string{"\x01\x00\x00\x00\xff\xff\xff\xff", 8}, 3, &good);
    EXPECT_FALSE(good);
    const auto whole = frame(1, stamp + std::string{"hello\n"});
    cut(LogParts::Format::multiplexed, whole.substr(0, whole.size() - 1), 9, &good);
    EXPECT_FALSE(good);
    cut(LogParts::Format::multiplexed, whole, 9, &good);
    EXPECT_TRUE(good);
}

TEST(LogParts, KeepsAMessageWithoutAStamp)
{
    const auto out = cut(LogParts::Format::multiplexed, frame(1, "no stamp\n") + frame(1, "\n"), 5);
    EXPECT_EQ(out, (std::vector<Part>{{0, 1, "no stamp", true, false}, {0, 1, "", true, false}}));
}

// A log of an engine: the order never changes, `since` filters each message by itself.
struct Log {
    std::vector<std::int64_t> stamps;
    [[nodiscard]] std::vector<std::size_t> since(std::int64_t from) const
    {
        std::vector<std::size_t> out;
        for (std::size_t i = 0; i < stamps.size(); ++i)
            if (stamps[i] >= from) out.push_back(i);
        return out;
    }
};

// Reads the log in sessions that end anywhere; each continues from the position of the previous one.
std::vector<std::size_t> read_in_sessions(const Log& log, std::mt19937& random)
{
    std::vector<std::size_t> taken;
    LogPosition position;
    std::size_t written = 0; // of the log, by now
    while (taken.size() < log.stamps.size()) {
        written = std::min(log.stamps.size(), written + 1 + random() % 200);
        Log now{{log.stamps.begin(), log.stamps.begin() + static_cast<std::ptrdiff_t>(written)}};
        LogResume resume{position};
        const auto messages = now.since(position.since_ns);
        const std::size_t stop = random() % 4 == 0 ? random() % (messages.size() + 1) : messages.size();
        for (std::size_t i = 0; i < stop; ++i)
            if (resume.take(log.stamps[messages[i]])) taken.push_back(messages[i]);
        EXPECT_FALSE(resume.gap());
        position = resume.position();
    }
    return taken;
}

TEST(LogPosition, GoesOnWithoutGapAndRepeatWhateverTheStamps)
{
    for (unsigned seed = 0; seed < 200; ++seed) {
        std::mt19937 random{seed};
        Log log;
        std::int64_t now = 1'700'000'000'000'000'000;
        const int kind = static_cast<int>(seed % 4);
        for (int i = 0; i < 3000; ++i) {
            // 0: distinct; 1: many equal (parts of long lines); 2: whole seconds (Podman); 3: two streams
            // whose stamps change places
            if (kind == 0) now += 1 + static_cast<std::int64_t>(random() % 1'000'000);
            if (kind == 1 && random() % 5 == 0) now += 1000;
            if (kind == 2 && random() % 500 == 0) now += 1'000'000'000;
            if (kind == 3) now += static_cast<std::int64_t>(random() % 100'000);
            log.stamps.push_back(kind == 3 && random() % 3 == 0 ? now - 40'000 : now);
        }
        std::vector<std::size_t> expected(log.stamps.size());
        for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = i;
        EXPECT_EQ(read_in_sessions(log, random), expected) << seed;
    }
}

TEST(LogPosition, DoesNotCountWhatATailLeftOut)
{
    const Log log{{1000, 1001, 1002, 1003, 1004, 1005}};
    LogResume first;
    for (std::size_t i = 3; i < 5; ++i) EXPECT_TRUE(first.take(log.stamps[i])); // the last two by then
    LogResume second{first.position()};
    std::vector<std::size_t> taken;
    for (const auto i : log.since(first.position().since_ns))
        if (second.take(log.stamps[i])) taken.push_back(i);
    EXPECT_EQ(taken, std::vector<std::size_t>{5});
}

TEST(LogPosition, ReportsThatRotationHasDroppedMessages)
{
    LogResume first;
    for (std::int64_t stamp = 1000; stamp < 1010; ++stamp) EXPECT_TRUE(first.take(stamp));
    LogResume second{first.position()};
    EXPECT_TRUE(second.take(2000));
    EXPECT_TRUE(second.gap());
    LogResume third{first.position()};
    for (std::int64_t stamp = 1000; stamp < 1010; ++stamp) EXPECT_FALSE(third.take(stamp));
    EXPECT_TRUE(third.take(2000));
    EXPECT_FALSE(third.gap());
}

TEST(LogPosition, KnowsWhetherTheNewestMessagesReachBack)
{
    LogResume first;
    for (std::int64_t stamp : {1000, 1000, 1010}) EXPECT_TRUE(first.take(stamp));
    LogResume second{first.position()};
    EXPECT_FALSE(second.take(999));
    EXPECT_TRUE(second.reaches_back());
    for (std::int64_t stamp : {1000, 1000, 1010}) EXPECT_FALSE(second.take(stamp));
    EXPECT_TRUE(second.take(1010));
    LogResume third{first.position()};
    EXPECT_FALSE(third.take(1000)); // one of two, or both?
    EXPECT_FALSE(third.reaches_back());
}

TEST(LogPosition, KeepsTheOldPositionWhileOldMessagesAreSkipped)
{
    LogResume first;
    for (std::int64_t stamp = 1000; stamp < 1010; ++stamp) first.take(stamp);
    const auto position = first.position();
    LogResume second{position};
    second.take(1000);
    EXPECT_EQ(second.position(), position);
}

TEST(LogPosition, IgnoresWhatIsOlderThanItAskedFor)
{
    LogResume first;
    first.take(5'000);
    LogResume second{first.position()};
    EXPECT_FALSE(second.take(4'000)); // Podman's since has no fraction
    EXPECT_FALSE(second.take(5'000));
    EXPECT_TRUE(second.take(5'000));
}

} // namespace
