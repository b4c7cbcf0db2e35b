#include "host/session/auth/sent_credential.hpp"

#include <gtest/gtest.h>

namespace agenthost::host {
namespace {

TEST(SentCredential, ReplacesTheConfiguredOneUntilThatOneChanges)
{
    SentCredential sent;
    EXPECT_EQ(sent.in_place_of("print1"), "");
    sent.keep("token", "print1");
    EXPECT_EQ(sent.in_place_of("print1"), "token");
    sent.keep("newer", "print1");
    EXPECT_EQ(sent.in_place_of("print1"), "newer");
    EXPECT_EQ(sent.in_place_of("print2"), "") << "the file has another credential";
    EXPECT_EQ(sent.in_place_of("print1"), "") << "and the sent one is forgotten";
}

TEST(SentCredential, GivesWayToTheConfiguredOneWhenRefused)
{
    SentCredential sent;
    (void)sent.in_place_of("print1");
    EXPECT_FALSE(sent.refused()) << "there is no other";
    sent.keep("token", "print1");
    EXPECT_EQ(sent.in_place_of("print1"), "token");
    EXPECT_TRUE(sent.refused());
    EXPECT_TRUE(sent.refused()) << "an error frame, then the close";
    EXPECT_EQ(sent.in_place_of("print1"), "");
    EXPECT_FALSE(sent.refused()) << "the configured one was refused as well";
}

TEST(SentCredential, IsKeptWhenThePreviousOneIsRefused)
{
    SentCredential sent;
    (void)sent.in_place_of("print1");
    sent.keep("token", "print1");
    EXPECT_TRUE(sent.refused()) << "the configured one has expired";
    EXPECT_EQ(sent.in_place_of("print1"), "token");
    sent.keep("newer", "print1");
    EXPECT_TRUE(sent.refused());
    EXPECT_EQ(sent.in_place_of("print1"), "newer");
}

} // namespace
} // namespace agenthost::host
