#include "plugins/hub/core/watched_file.hpp"

#include <gtest/gtest.h>

namespace {

using agenthost::hub::WatchedFile;

TEST(WatchedFile, IsReadOnceWhileItIsUnchanged)
{
    WatchedFile file;
    EXPECT_TRUE(file.due("a"));
    file.read("");
    EXPECT_FALSE(file.due("a"));
    EXPECT_FALSE(file.due("a"));
}

TEST(WatchedFile, IsNotReadWhileItIsBeingWritten)
{
    WatchedFile file;
    file.due("a");
    file.read("");
    EXPECT_FALSE(file.due("b")); // emptied
    EXPECT_FALSE(file.due("c")); // half of it
    EXPECT_FALSE(file.due("d"));
    EXPECT_TRUE(file.due("d")); // kept still
    file.read("");
    EXPECT_FALSE(file.due("d"));
}

TEST(WatchedFile, KeepsItsProblemUntilTheFileIsValid)
{
    WatchedFile file;
    file.due("a");
    file.read("");
    file.due("b");
    ASSERT_TRUE(file.due("b"));
    file.read("line 1: no");
    EXPECT_EQ(file.problem(), "line 1: no");
    EXPECT_TRUE(file.due("b")); // its cause may lie elsewhere: a mode, a key that does not fit
    file.read("line 1: no");
    EXPECT_FALSE(file.due("c"));
    EXPECT_EQ(file.problem(), "line 1: no");
    EXPECT_TRUE(file.due("c"));
    file.read("");
    EXPECT_EQ(file.problem(), "");
}

TEST(WatchedFile, DoesNotReadARestoredValidFileAgain)
{
    WatchedFile file;
    file.due("a");
    file.read("");
    file.due("");
    ASSERT_TRUE(file.due(""));
    file.read("it is not there");
    EXPECT_FALSE(file.due("a"));
    EXPECT_EQ(file.problem(), "");
}

} // namespace
