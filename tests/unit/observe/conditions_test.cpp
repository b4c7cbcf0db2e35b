// What degrades the agent: told once when it begins, once when it ends.
#include "host/observe/conditions.hpp"

#include "host/observe/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace agenthost::host;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

namespace {

struct ConditionsTest : testing::Test {
    std::int64_t now = 1'000'000;
    Conditions conditions{[this] { return now; }};
    std::uint64_t position = UINT64_MAX;

    void SetUp() override { logged(); } // what other tests said is passed over
    std::vector<std::string> logged()
    {
        std::uint64_t lost = 0;
        std::vector<std::string> lines;
        const std::string text = log::read_tail(log::Level::info, "", position, 32768, lost);
        for (std::size_t at = 0; at < text.size();) {
            const auto end = text.find('\n', at);
            lines.push_back(text.substr(at, end - at));
            at = end + 1;
        }
        return lines;
    }
};

TEST_F(ConditionsTest, LogsStartAndEndOnce)
{
    for (int i = 0; i < 5; ++i) conditions.report("journal", "the disk is full", Grade::degraded);
    auto lines = logged();
    ASSERT_THAT(lines, SizeIs(1));
    EXPECT_THAT(lines[0], HasSubstr("degraded: the disk is full"));
    EXPECT_THAT(lines[0], HasSubstr("journal"));
    now += 65'000;
    for (int i = 0; i < 5; ++i) conditions.report("journal", "", Grade::degraded);
    lines = logged();
    ASSERT_THAT(lines, SizeIs(1));
    EXPECT_THAT(lines[0], HasSubstr("recovered after 65 s"));
    EXPECT_THAT(lines[0], HasSubstr("the disk is full"));
    EXPECT_THAT(conditions.all(), IsEmpty());
}

TEST_F(ConditionsTest, LogsAChangedReasonButNotAChangedNumber)
{
    conditions.report("plugin storage", "3 of 7 files are missing", Grade::degraded);
    conditions.report("plugin storage", "12 of 7 files are missing", Grade::degraded);
    EXPECT_THAT(logged(), SizeIs(1));
    now += 5;
    conditions.report("plugin storage", "quarantine is full", Grade::degraded);
    EXPECT_THAT(logged(), SizeIs(1));
    conditions.report("plugin storage", "quarantine is full", Grade::unhealthy);
    EXPECT_THAT(logged(), SizeIs(1)) << "it has become worse";
    ASSERT_THAT(conditions.all(), SizeIs(1));
    EXPECT_EQ(conditions.all()[0].since, 1'000'000) << "of the whole outage";
    EXPECT_EQ(conditions.all()[0].text(), "plugin storage: quarantine is full");
}

TEST_F(ConditionsTest, ReplacesTheConditionsOfOneKind)
{
    conditions.report("journal", "full", Grade::degraded);
    conditions.replace("plugin ", {{.id = "plugin a", .reason = "x"}, {.id = "plugin b", .reason = "y"}});
    EXPECT_THAT(conditions.all(), SizeIs(3));
    conditions.replace("plugin ", {{.id = "plugin b", .reason = "y"}});
    const auto all = conditions.all();
    ASSERT_THAT(all, SizeIs(2));
    EXPECT_EQ(all[0].id, "journal");
    EXPECT_EQ(all[1].id, "plugin b");
    EXPECT_TRUE(conditions.any_but("plugin "));
    conditions.clear("journal");
    EXPECT_FALSE(conditions.any_but("plugin "));
}

TEST_F(ConditionsTest, IsSilentIfTheSourceLogsItself)
{
    conditions.replace("server ", {{.id = "server a", .reason = "away", .silent = true}});
    conditions.replace("server ", {});
    EXPECT_THAT(logged(), IsEmpty());
}

TEST_F(ConditionsTest, IsBounded)
{
    for (std::size_t i = 0; i < Conditions::max_conditions + 10; ++i)
        conditions.set(
            {.id = "server " + std::to_string(i), .reason = std::string(5000, 'x'), .silent = true});
    const auto all = conditions.all();
    EXPECT_THAT(all, SizeIs(Conditions::max_conditions));
    EXPECT_EQ(all[0].reason.size(), Conditions::max_reason);
}

} // namespace
