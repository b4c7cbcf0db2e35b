// agenthost.check/1 through the C++ wrapper and the FakeHost.
#include <agenthost/plugin.hpp>
#include <agenthost/testing/fake_host.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

int started = 0;

class Checked : public agenthost::Plugin {
public:
    explicit Checked(agenthost::Context& ctx)
    {
        if (ctx.config() == "bad") throw agenthost::Error{"CONFIG_INVALID", "the configuration is bad"};
    }
    void start() override { ++started; }
    void check(agenthost::Check& report) override
    {
        report.error("file", "is missing");
        report.warning("limits.memory", "is small");
        if (!report.has_listener("hub")) report.error("listener", "there is none");
    }
};
class Plain : public agenthost::Plugin {
public:
    explicit Plain(agenthost::Context&) {}
};

using agenthost::testing::FakeHost;

TEST(Check, ReportsWithoutStarting)
{
    FakeHost host{agenthost::detail::entry_of<Checked>({})};
    EXPECT_THAT(host.check({"hub"}),
                testing::ElementsAre("error file: is missing", "warning limits.memory: is small"));
    EXPECT_THAT(host.check({"other"}), testing::Contains("error listener: there is none"));
    EXPECT_EQ(started, 0);
}

TEST(Check, ReportsTheConstructorsError)
{
    FakeHost host{agenthost::detail::entry_of<Checked>({}), "bad"};
    EXPECT_THAT(host.check(), testing::ElementsAre(testing::HasSubstr("the configuration is bad")));
}

TEST(Check, OfAPluginWithoutOneFindsNothing)
{
    FakeHost host{agenthost::detail::entry_of<Plain>({})};
    EXPECT_THAT(host.check(), testing::IsEmpty());
}

} // namespace
