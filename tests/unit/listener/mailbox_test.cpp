#include "host/listener/mailbox.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using agenthost::host::listener::Mailbox;

TEST(MailboxTest, RunsJobsInTheOrderOfTheCalls)
{
    Mailbox mailbox;
    std::vector<int> done;
    EXPECT_TRUE(mailbox.put([&] { done.push_back(1); })) << "the caller makes the loop call deliver()";
    std::thread{[&] { EXPECT_FALSE(mailbox.put([&] { done.push_back(2); })); }}.join();
    EXPECT_FALSE(mailbox.put([&] { done.push_back(3); }));
    EXPECT_FALSE(mailbox.empty());
    EXPECT_FALSE(mailbox.deliver());
    EXPECT_EQ(done, (std::vector<int>{1, 2, 3}));
    EXPECT_TRUE(mailbox.empty());
    EXPECT_TRUE(mailbox.put([] {}));
}

// So other connections are served in between.
TEST(MailboxTest, LeavesJobsThatArriveMeanwhileForTheNextDelivery)
{
    Mailbox mailbox;
    std::vector<int> done;
    ASSERT_TRUE(mailbox.put([&] {
        done.push_back(1);
        EXPECT_FALSE(mailbox.put([&] { done.push_back(3); }));
        EXPECT_FALSE(mailbox.empty());
    }));
    ASSERT_FALSE(mailbox.put([&] { done.push_back(2); }));
    EXPECT_TRUE(mailbox.deliver());
    EXPECT_EQ(done, (std::vector<int>{1, 2}));
    EXPECT_FALSE(mailbox.deliver());
    EXPECT_EQ(done, (std::vector<int>{1, 2, 3}));
}

// So what is done at once is behind everything that was put before.
TEST(MailboxTest, IsEmptyDuringTheLastJob)
{
    Mailbox mailbox;
    std::vector<bool> empty;
    const auto look = [&] { empty.push_back(mailbox.empty()); };
    ASSERT_TRUE(mailbox.put(look));
    ASSERT_FALSE(mailbox.put(look));
    EXPECT_FALSE(mailbox.deliver());
    EXPECT_EQ(empty, (std::vector<bool>{false, true}));
}

TEST(MailboxTest, KeepsTheJobsBehindOneThatThrows)
{
    Mailbox mailbox;
    std::vector<int> done;
    ASSERT_TRUE(mailbox.put([&] { done.push_back(1); }));
    ASSERT_FALSE(mailbox.put([&]() -> void {
        EXPECT_FALSE(mailbox.put([&] { done.push_back(3); }));
        throw std::runtime_error{"a handler of ours"};
    }));
    ASSERT_FALSE(mailbox.put([&] { done.push_back(2); }));
    EXPECT_THROW((void)mailbox.deliver(), std::runtime_error);
    EXPECT_EQ(done, std::vector<int>{1});
    EXPECT_FALSE(mailbox.empty());
    EXPECT_FALSE(mailbox.put([&] { done.push_back(4); })) << "deliver() will be called again";
    EXPECT_FALSE(mailbox.deliver());
    EXPECT_EQ(done, (std::vector<int>{1, 2, 3, 4})) << "in the order of the calls";
    EXPECT_TRUE(mailbox.empty());
    EXPECT_TRUE(mailbox.put([] {}));
}

TEST(MailboxTest, IsDeliveredByTheLoopAfterAJobThatThrows)
{
    boost::asio::io_context io;
    const auto mailbox = std::make_shared<Mailbox>();
    int done = 0;
    ASSERT_TRUE(mailbox->put([] { throw std::runtime_error{"a handler of ours"}; }));
    deliver_on(io, mailbox);
    ASSERT_FALSE(mailbox->put([&] { ++done; }));
    EXPECT_THROW(io.run(), std::runtime_error);
    io.run();
    EXPECT_EQ(done, 1);
    EXPECT_TRUE(mailbox->empty());
}

TEST(MailboxTest, IsEmptiedIfTheLoopEndsBeforeItIsDelivered)
{
    const auto held = std::make_shared<int>();
    const auto mailbox = std::make_shared<Mailbox>();
    {
        boost::asio::io_context io;
        ASSERT_TRUE(mailbox->put([held, mailbox] {}));
        deliver_on(io, mailbox);
    }
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_EQ(mailbox.use_count(), 1);
}

TEST(MailboxTest, FreesJobsThatNeverRan)
{
    Mailbox mailbox;
    const auto held = std::make_shared<int>();
    ASSERT_TRUE(mailbox.put([held] {}));
    mailbox.clear();
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_TRUE(mailbox.empty());
    EXPECT_TRUE(mailbox.put([] {}));
}

} // namespace
