#include "host/dispatch/inbox.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <thread>

using namespace agenthost::host;

namespace {

struct InboxTest : ::testing::Test {
    int run()
    {
        io.restart();
        return static_cast<int>(io.poll());
    }
    static EmittedEvent event(std::string plugin, std::size_t bytes = 2)
    {
        return {.plugin = std::move(plugin),
                .topic = "changed",
                .audience = "*",
                .json = std::string(bytes, 'x'),
                .at = 0};
    }

    boost::asio::io_context io;
    int arrivals = 0;
    std::optional<Inbox> inbox{std::in_place, io.get_executor(), [this] { ++arrivals; }};
};

TEST_F(InboxTest, WakesTheMainThreadOnceForABurst)
{
    for (agh_req id = 1; id <= 3; ++id) inbox->add_flow(id);
    inbox->add(Completion{1, OwnedReply{}});
    EXPECT_EQ(run(), 1);
    EXPECT_EQ(arrivals, 1);
    const Inbox::Content content = inbox->take();
    EXPECT_EQ(content.flows, (std::vector<agh_req>{1, 2, 3}));
    EXPECT_EQ(content.completions.size(), 1u);
    inbox->add_flow(4);
    run();
    EXPECT_EQ(arrivals, 2) << "after take() the next addition wakes it again";
}

TEST_F(InboxTest, RefusesEventsBeyondTheLimitOfTheirPlugin)
{
    for (std::size_t i = 0; i < Inbox::max_events; ++i) ASSERT_TRUE(inbox->add(event("noisy")));
    EXPECT_FALSE(inbox->add(event("noisy")));
    EXPECT_TRUE(inbox->add(event("quiet")));
    (void)inbox->take();
    EXPECT_TRUE(inbox->add(event("noisy")));
}

TEST_F(InboxTest, RefusesEventsBeyondTheBytesOfAll)
{
    EXPECT_TRUE(inbox->add(event("a", Inbox::max_event_bytes - 10)));
    EXPECT_FALSE(inbox->add(event("b", 11)));
    EXPECT_TRUE(inbox->add(event("b", 10)));
}

TEST_F(InboxTest, RefusesCallsBeyondItsLimit)
{
    for (std::size_t i = 0; i < Inbox::max_calls; ++i) ASSERT_TRUE(inbox->add(NestedCall{}));
    EXPECT_FALSE(inbox->add(NestedCall{}));
    EXPECT_EQ(inbox->take().calls.size(), Inbox::max_calls);
}

TEST_F(InboxTest, DoesNotCallBackAfterItsDestruction)
{
    inbox->add_flow(1);
    inbox.reset();
    run();
    EXPECT_EQ(arrivals, 0);
}

TEST_F(InboxTest, LosesNothingFromManyThreads)
{
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (agh_req id = 1; id <= 1000; ++id) inbox->add_flow(id);
        });
    std::size_t taken = 0;
    while (taken < 2000) taken += inbox->take().flows.size();
    for (std::thread& t : threads) t.join();
    EXPECT_EQ(taken + inbox->take().flows.size(), 4000u);
}

} // namespace
