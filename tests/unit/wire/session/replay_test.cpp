#include "wire/session/replay.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

using namespace agenthost::wire;
using Verdict = NonceBook::Verdict;

namespace {

constexpr std::int64_t minute = 60'000, noon = 1'737'633'600'000, reach = ReplayWindow::reach.count();

TEST(Replay, AdmitsANonceOnce)
{
    ReplayWindow window;
    EXPECT_EQ(window.admit("a", "n1", noon, noon), Verdict::fresh);
    EXPECT_EQ(window.admit("a", "n1", noon, noon), Verdict::seen);
    EXPECT_EQ(window.admit("a", "n2", noon, noon), Verdict::fresh);
}

TEST(Replay, KnowsWhoseNonceItWas)
{
    ReplayWindow window;
    EXPECT_EQ(window.admit("a", "bc", noon, noon), Verdict::fresh);
    EXPECT_EQ(window.admit("ab", "c", noon, noon), Verdict::fresh);
    EXPECT_EQ(window.admit("b", "bc", noon, noon), Verdict::fresh);
}

TEST(Replay, RemembersForAsLongAsTheTimestampIsGood)
{
    ReplayWindow window;
    ASSERT_EQ(window.admit("a", "early", noon - reach, noon), Verdict::fresh);
    ASSERT_EQ(window.admit("a", "now", noon, noon), Verdict::fresh);
    ASSERT_EQ(window.admit("a", "late", noon + reach, noon), Verdict::fresh);
    EXPECT_EQ(window.admit("a", "early", noon - reach, noon), Verdict::seen); // the last millisecond of it
    EXPECT_EQ(window.admit("a", "now", noon, noon + reach), Verdict::seen);
    EXPECT_EQ(window.admit("a", "late", noon + reach, noon + 2 * reach), Verdict::seen);
    EXPECT_EQ(window.size(), 1u); // the two others are of no use any more
}

TEST(Replay, GivesSpaceBackWithTime)
{
    ReplayWindow window{10};
    for (int hour = 0; hour < 1000; ++hour) {
        for (int i = 0; i < 10; ++i) {
            const std::int64_t now = noon + hour * 60 * minute + i;
            ASSERT_EQ(window.admit("a", std::to_string(hour * 10 + i), now, now), Verdict::fresh);
        }
    }
    EXPECT_LE(window.size(), 10u);
}

TEST(Replay, RefusesWhenFullAndForgetsNothingThatCounts)
{
    ReplayWindow window{100};
    for (int i = 0; i < 100; ++i)
        ASSERT_EQ(window.admit("a", std::to_string(i), noon + i, noon), Verdict::fresh);
    for (int i = 100; i < 1000; ++i)
        EXPECT_EQ(window.admit("a", std::to_string(i), noon + i, noon), Verdict::full);
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(window.admit("a", std::to_string(i), noon + i, noon), Verdict::seen);
    EXPECT_EQ(window.admit("a", "x", noon + 2 * reach, noon + reach + 50),
              Verdict::fresh); // half of them are over
    EXPECT_EQ(window.admit("a", "60", noon + 60, noon + reach + 50), Verdict::seen);
}

TEST(Replay, SurvivesARestart)
{
    std::string file;
    {
        ReplayWindow window;
        for (int i = 0; i < 50; ++i) {
            ReplayWindow::Record record;
            ASSERT_EQ(window.admit("a", std::to_string(i), noon + i * minute / 10, noon, &record),
                      Verdict::fresh);
            const auto bytes = record.bytes();
            file.append(bytes.data(), bytes.size());
        }
    }
    file += "torn";
    ReplayWindow window;
    const std::int64_t now = noon + reach + 1;
    for (std::size_t at = 0; at + ReplayWindow::Record::size <= file.size(); at += ReplayWindow::Record::size)
        EXPECT_TRUE(window.restore(ReplayWindow::Record::of(std::string_view{file}.substr(at)), now));
    EXPECT_EQ(window.size(), 49u); // the first is too old
    for (int i = 0; i < 50; ++i)
        EXPECT_EQ(window.admit("a", std::to_string(i), noon + i * minute / 10, now), Verdict::seen) << i;
    EXPECT_EQ(window.admit("a", "new", now, now), Verdict::fresh);

    ReplayWindow again;
    for (const ReplayWindow::Record& record : window.snapshot(now)) EXPECT_TRUE(again.restore(record, now));
    EXPECT_EQ(again.size(), window.size());
    EXPECT_EQ(again.admit("a", "new", now, now), Verdict::seen);
    EXPECT_EQ(again.admit("a", "49", noon + 49 * minute / 10, now), Verdict::seen);
}

TEST(Replay, WritesTheSameRecordOnEveryMachine)
{
    ReplayWindow window;
    ReplayWindow::Record record;
    ASSERT_EQ(window.admit("agent", "550e8400-e29b-41d4-a716-446655440000", noon, noon, &record),
              Verdict::fresh);
    EXPECT_EQ(record.until, noon + reach);
    EXPECT_EQ(ReplayWindow::Record::of(std::string{record.bytes().data(), record.bytes().size()}), record);
    EXPECT_EQ(record.high, 0x3a4ec07dfc3cb8f0ull);
    EXPECT_EQ(record.low, 0x59eb1e4c4906a1e0ull);
}

TEST(Replay, TakesWhatItMayHaveForgottenForSeenWhenTheClockIsSetBack)
{
    ReplayWindow window;
    ASSERT_EQ(window.admit("a", "captured", noon, noon), Verdict::fresh);
    ASSERT_EQ(window.admit("a", "x", noon + 60 * minute, noon + 60 * minute),
              Verdict::fresh); // the clock jumped, n is forgotten
    EXPECT_EQ(window.size(), 1u);
    EXPECT_EQ(window.admit("a", "captured", noon, noon + minute), Verdict::seen); // and was set back
    EXPECT_EQ(window.admit("a", "new", noon + minute, noon + minute), Verdict::fresh);
}

TEST(Replay, DoesNotLetADamagedFileBlockIt)
{
    ReplayWindow window{1};
    EXPECT_TRUE(window.restore({1, 2, INT64_MAX}, noon));
    EXPECT_EQ(window.admit("a", "n", noon, noon), Verdict::full);
    const std::int64_t later = noon + 25 * 60 * minute;
    EXPECT_EQ(window.admit("a", "n", later, later), Verdict::fresh);
}

TEST(Replay, RefusesToRestoreMoreThanItHolds)
{
    ReplayWindow window{1};
    EXPECT_TRUE(window.restore({1, 1, noon}, noon));
    EXPECT_TRUE(window.restore({1, 1, noon}, noon));
    EXPECT_FALSE(window.restore({1, 2, noon}, noon));
}

TEST(Replay, AgreesWithASimpleModel)
{
    std::mt19937 random{5};
    ReplayWindow window{300};
    std::map<std::string, std::int64_t> model; // nonce -> until
    std::int64_t now = noon;
    for (int i = 0; i < 20'000; ++i) {
        now += static_cast<std::int64_t>(random() % 2000);
        std::erase_if(model, [&](const auto& entry) { return entry.second < now; });
        const std::int64_t ts = now + static_cast<std::int64_t>(random() % (2 * reach)) - reach;
        const std::string nonce = std::to_string(random() % 3000);
        const auto known = model.find(nonce);
        const Verdict meant = known != model.end()  ? Verdict::seen
                              : model.size() >= 300 ? Verdict::full
                                                    : Verdict::fresh;
        if (meant == Verdict::fresh) model[nonce] = ts + reach;
        ASSERT_EQ(window.admit("a", nonce, ts, now), meant) << i;
        ASSERT_EQ(window.size(), model.size());
    }
}

TEST(ReplayBook, RefusesWhatCouldNotBeKept)
{
    ReplayWindow window;
    bool disk_full = true;
    std::vector<ReplayWindow::Record> kept;
    ReplayBook book{window, [] { return noon; },
                    [&](const ReplayWindow::Record& record) {
                        if (!disk_full) kept.push_back(record);
                        return !disk_full;
                    }};
    EXPECT_EQ(book.admit("a", "n1", noon), Verdict::full);
    disk_full = false;
    EXPECT_EQ(book.admit("a", "n1", noon), Verdict::seen); // it may have been written all the same
    EXPECT_EQ(book.admit("a", "n2", noon), Verdict::fresh);
    EXPECT_EQ(kept.size(), 1u);
    EXPECT_EQ(book.admit("a", "n2", noon), Verdict::seen);
    EXPECT_EQ(kept.size(), 1u);
}

} // namespace
