#include "host/listener/mailbox.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace {

using agenthost::host::listener::Mailbox;

TEST(MailboxTest, DoesWhatWasPutInItsOrder)
{
    Mailbox mailbox;
    std::vector<int> done;
    EXPECT_TRUE(mailbox.put([&] { done.push_back(1); })) << "somebody has to call deliver()";
    std::thread{[&] { EXPECT_FALSE(mailbox.put([&] { done.push_back(2); })); }}.join();
    EXPECT_FALSE(mailbox.put([&] { done.push_back(3); }));
    EXPECT_FALSE(mailbox.empty());
    EXPECT_FALSE(mailbox.deliver());
    EXPECT_EQ(done, (std::vector<int>{1, 2, 3}));
    EXPECT_TRUE(mailbox.empty());
    EXPECT_TRUE(mailbox.put([] {}));
}

// Others have their turn in between.
TEST(MailboxTest, WhatComesMeanwhileIsForTheNextTime)
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

// Then what is done at once is behind all that was put before.
TEST(MailboxTest, IsEmptyForTheLastWorkThatItDoes)
{
    Mailbox mailbox;
    std::vector<bool> empty;
    const auto look = [&] { empty.push_back(mailbox.empty()); };
    ASSERT_TRUE(mailbox.put(look));
    ASSERT_FALSE(mailbox.put(look));
    EXPECT_FALSE(mailbox.deliver());
    EXPECT_EQ(empty, (std::vector<bool>{false, true}));
}

TEST(MailboxTest, LetsGoOfWhatIsNeverDone)
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
