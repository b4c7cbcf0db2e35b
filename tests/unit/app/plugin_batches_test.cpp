#include "host/app/plugin_batches.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace {

using namespace agenthost::host;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Outcome = PluginMachine::Answer::Outcome;

struct Batches : ::testing::Test {
    std::string notice;
    PluginBatches batches{[this](const std::string&) { return notice; }};
    std::optional<PluginChanges> result;

    std::shared_ptr<PluginBatches::Batch> open()
    {
        return batches.open([this](const PluginChanges& changes) { result = changes; });
    }
};

TEST_F(Batches, EndWhenAllPluginsHaveAnswered)
{
    const auto batch = open();
    const auto first = batches.expect(batch), second = batches.expect(batch);
    batches.close(*batch);
    batches.answer("storage", {first, Outcome::changed, "started"});
    EXPECT_FALSE(result);
    batches.answer("terminal", {second, Outcome::unchanged, {}});
    ASSERT_TRUE(result);
    EXPECT_THAT(result->changes, ElementsAre("plugin storage: started"));
    EXPECT_THAT(result->failed, IsEmpty());
}

TEST_F(Batches, DoNotEndWhileRequestsAreBeingMade)
{
    const auto batch = open();
    batches.answer("storage", {batches.expect(batch), Outcome::changed, "started"});
    EXPECT_FALSE(result);
    batches.close(*batch);
    EXPECT_TRUE(result);
}

TEST_F(Batches, ListRequiredPluginsThatFailedTwice)
{
    const auto batch = open();
    batch->require("storage");
    batches.answer("storage", {batches.expect(batch), Outcome::failed, "no disk"});
    batches.answer("terminal", {batches.expect(batch), Outcome::failed, "no shell"});
    batches.close(*batch);
    EXPECT_THAT(result->failed, ElementsAre("plugin storage: no disk", "plugin terminal: no shell"));
    EXPECT_THAT(result->required_failed, ElementsAre("plugin storage: no disk"));
}

TEST_F(Batches, CollectNotices)
{
    const auto batch = open();
    notice = "restart the daemon";
    batches.answer("storage", {batches.expect(batch), Outcome::unchanged, {}});
    batches.close(*batch);
    EXPECT_THAT(result->notices, ElementsAre("restart the daemon"));
}

TEST_F(Batches, CountEachAnswerOnce)
{
    const auto batch = open();
    const auto first = batches.expect(batch), second = batches.expect(batch);
    batches.close(*batch);
    batches.answer("storage", {first, Outcome::changed, "started"});
    batches.answer("storage", {first, Outcome::changed, "started"});
    EXPECT_FALSE(result);
    batches.answer("terminal", {second, Outcome::changed, "started"});
    EXPECT_EQ(result->changes.size(), 2u);
}

TEST_F(Batches, AreBounded)
{
    std::vector<std::shared_ptr<PluginBatches::Batch>> all;
    for (std::size_t i = 0; i < PluginBatches::max_batches; ++i) all.push_back(open());
    EXPECT_EQ(open(), nullptr);
    batches.close(*all.front());
    EXPECT_NE(open(), nullptr);
}

} // namespace
