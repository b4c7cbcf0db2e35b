#include "plugins/hub/agents/report_history.hpp"

#include <gtest/gtest.h>

using namespace agenthost::hub;

namespace {

using Kind = ReportKind;

std::vector<std::string> texts(const std::vector<const ReportEntry*>& entries)
{
    std::vector<std::string> found;
    for (const ReportEntry* e : entries) found.push_back(e->json);
    return found;
}
using Texts = std::vector<std::string>;

TEST(ReportHistories, PagesForwardFromASequenceNumber)
{
    ReportHistories histories{{.samples = 10, .entries = 10, .memory = 10'000}};
    for (int i = 1; i <= 5; ++i) histories.add("a", Kind::logs, i, std::to_string(i));
    EXPECT_EQ(texts(histories.after("a", Kind::logs, 0, 2)), (Texts{"4", "5"})) << "the newest";
    EXPECT_EQ(texts(histories.after("a", Kind::logs, 1, 2)), (Texts{"2", "3"}));
    EXPECT_TRUE(histories.after("a", Kind::events, 0, 2).empty());
    EXPECT_TRUE(histories.after("b", Kind::logs, 0, 2).empty());
}

TEST(ReportHistories, ReplacesTheOldestEntryOfAFullHistory)
{
    ReportHistories histories{{.samples = 2, .entries = 1, .memory = 10'000}};
    for (int i = 1; i <= 3; ++i) {
        histories.add("a", Kind::metrics, i, std::to_string(i));
        histories.add("a", Kind::events, i, std::to_string(i));
    }
    EXPECT_EQ(texts(histories.after("a", Kind::metrics, 0, 10)), (Texts{"2", "3"}));
    EXPECT_EQ(texts(histories.after("a", Kind::events, 0, 10)), Texts{"3"});
    EXPECT_EQ(histories.after("a", Kind::events, 0, 10).front()->seq, 3U) << "numbers go on";
    EXPECT_EQ(histories.dropped(), 0U);
}

TEST(ReportHistories, AnAgentNeverTakesTheMemoryOfAnother)
{
    ReportHistories histories{{.samples = 100, .entries = 100, .memory = 1'000}};
    for (int i = 0; i < 20; ++i) histories.add("a", Kind::logs, i, std::string(100, 'a'));
    const std::size_t kept = histories.after("a", Kind::logs, 0, 100).size();
    EXPECT_LE(histories.bytes(), 1'000U);
    histories.add("b", Kind::logs, 0, std::string(900, 'b'));
    EXPECT_TRUE(histories.after("b", Kind::logs, 0, 100).empty());
    EXPECT_EQ(histories.dropped(), 1U);
    EXPECT_EQ(histories.after("a", Kind::logs, 0, 100).size(), kept);
    histories.forget("a");
    EXPECT_EQ(histories.bytes(), 0U);
    histories.add("b", Kind::logs, 0, std::string(100, 'b'));
    EXPECT_EQ(histories.after("b", Kind::logs, 0, 100).size(), 1U);
}

} // namespace
