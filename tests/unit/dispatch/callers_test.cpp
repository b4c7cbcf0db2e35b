#include "fixture.hpp"

#include "host/dispatch/callers.hpp"

using namespace agenthost::host;
using namespace agenthost::host::testing;

namespace {

struct CallersTest : ::testing::Test {
    static std::shared_ptr<FakeCaller> caller(std::string name)
    {
        return std::make_shared<FakeCaller>(std::move(name));
    }

    Slots slots;
    Callers callers{slots, "node-01"};
};

TEST_F(CallersTest, FindsTheNewestCallerOfAName)
{
    const auto first = caller("server"), second = caller("server");
    CallerRecord& record = callers.attach(first);
    EXPECT_EQ(callers.find(*first), &record);
    EXPECT_EQ(&callers.attach(second), &record) << "the record stays";
    EXPECT_EQ(callers.find(*first), nullptr);
    EXPECT_EQ(callers.find(*second), &record);
    EXPECT_EQ(callers.named("server"), &record);
    EXPECT_EQ(callers.named("other"), nullptr);
}

TEST_F(CallersTest, DescribesACallerForPlugins)
{
    const auto own = caller("server");
    CallerRecord& record = callers.attach(own);
    EXPECT_EQ(record.json, R"({"server":"server","protocol":"storage","agent_id":"node-01"})");
    own->policy_.agent_id = "box-7";
    callers.describe(record);
    EXPECT_EQ(record.json, R"({"server":"server","protocol":"storage","agent_id":"box-7"})");
}

TEST_F(CallersTest, KeepsTheRecordAndThePolicyOfADetachedCallerThatHasRequests)
{
    const auto own = caller("server");
    own->policy_.in_flight = 7;
    CallerRecord& record = callers.attach(own);
    record.in_flight = 1;
    EXPECT_EQ(callers.detach(record), own);
    EXPECT_EQ(callers.find(*own), nullptr);
    EXPECT_FALSE(record.reachable());
    EXPECT_EQ(record.policy().in_flight, 7u);
    callers.drop_if_idle(record);
    ASSERT_EQ(callers.named("server"), &record);
    record.in_flight = 0;
    callers.drop_if_idle(record);
    EXPECT_EQ(callers.named("server"), nullptr);
}

TEST_F(CallersTest, DoesNotDropAnAttachedCaller)
{
    CallerRecord& record = callers.attach(caller("server"));
    callers.drop_if_idle(record);
    EXPECT_EQ(callers.named("server"), &record);
}

} // namespace
