#include "fixture.hpp"

using namespace agenthost::host;
using namespace agenthost::host::testing;
using agenthost::wire::Outcome;
using ::testing::IsEmpty;

namespace {

TEST(Drain, AdmitsNothingAndReportsWhenTheLastRequestHasEnded)
{
    DispatchFixture w;
    const auto id = w.running("1", "read");
    int idle = 0;
    w.dispatcher->drain(10s, [&] { ++idle; });
    w.submit("2", "read");
    EXPECT_EQ(w.server->last().code, "BUSY");
    EXPECT_EQ(w.server->last().outcome, Outcome::not_started);
    w.poll();
    EXPECT_EQ(idle, 0);
    EXPECT_THAT(w.files.cancelled, IsEmpty()) << "cancels nothing";
    w.complete(id);
    EXPECT_TRUE(w.until([&] { return idle == 1; }));
    w.pass(20s);
    EXPECT_EQ(idle, 1);
}

TEST(Drain, ReportsAfterTheGraceWhateverIsRunning)
{
    DispatchFixture w;
    w.running("1", "read");
    int idle = 0;
    w.dispatcher->drain(10s, [&] { ++idle; });
    w.pass(9'999ms);
    EXPECT_EQ(idle, 0);
    w.pass(1ms);
    EXPECT_EQ(idle, 1);
}

TEST(Drain, OfAnIdleDispatcherReportsAtOnce)
{
    DispatchFixture w;
    int idle = 0;
    w.dispatcher->drain(10s, [&] { ++idle; });
    w.poll();
    EXPECT_EQ(idle, 1);
}

} // namespace
