// A log file through everything that rotation does to it.
#include "plugins/telemetry/follow.hpp"
#include "tests/support/support.hpp"
#include "tests/unit/telemetry/append.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

using namespace agenthost::telemetry;
using namespace agenthost::test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
namespace fs = std::filesystem;

namespace {

struct Following : testing::Test {
    TempDir dir;
    fs::path file = dir / "app.log";
    std::vector<std::string> lines;

    std::vector<std::string> poll(Follower& follower, int times = 1)
    {
        lines.clear();
        for (int i = 0; i < times; ++i)
            follower.poll([this](std::string_view line, bool cut) {
                lines.push_back(std::string{line} + (cut ? "|" : ""));
            });
        return lines;
    }
};

TEST_F(Following, StartsAtTheEndOfAnUnknownFile)
{
    append(file, "old\nolder\n");
    Follower follower{file};
    EXPECT_THAT(poll(follower), IsEmpty());
    append(file, "new\n");
    EXPECT_THAT(poll(follower), ElementsAre("new"));
    EXPECT_THAT(poll(follower), IsEmpty());
}

TEST_F(Following, SkipsTheRestOfALineItStartedIn)
{
    append(file, "old\nhalf");
    Follower follower{file};
    EXPECT_THAT(poll(follower), IsEmpty());
    append(file, " done\n");
    EXPECT_THAT(poll(follower), ElementsAre("half done"));
}

TEST_F(Following, WaitsForAMissingFileAndReadsAllOfIt)
{
    Follower follower{file};
    poll(follower);
    EXPECT_THAT(follower.problem(), HasSubstr("No such file"));
    append(file, "first\n");
    EXPECT_THAT(poll(follower), ElementsAre("first"));
    EXPECT_EQ(follower.problem(), "");
}

TEST_F(Following, ContinuesAfterRenameAndCreate)
{
    append(file, "a\n");
    Follower follower{file};
    poll(follower);
    append(file, "b\n");
    fs::rename(file, dir / "app.log.1");
    append(dir / "app.log.1", "late to the old\nwithout an end");
    append(file, "c\n");
    EXPECT_THAT(poll(follower, 5), ElementsAre("b", "late to the old", "without an end", "c"));
    append(file, "d\n");
    EXPECT_THAT(poll(follower), ElementsAre("d"));
}

TEST_F(Following, KeepsReadingTheOldFileWhileItsWriterDoesNotKnowYet)
{
    append(file, "a\n");
    Follower follower{file};
    poll(follower);
    fs::rename(file, dir / "app.log.1");
    append(file, "new\n");
    std::vector<std::string> all;
    for (int i = 0; i < 8; ++i) {
        append(dir / "app.log.1", "old " + std::to_string(i) + "\n");
        for (const auto& line : poll(follower)) all.push_back(line);
    }
    EXPECT_EQ(all.size(), 8u) << "nothing of the new file before the old one is quiet";
    EXPECT_THAT(poll(follower, Follower::linger + 1), ElementsAre("new"));
}

TEST_F(Following, LeavesAnOldFileThatNeverEnds)
{
    append(file, "a\n");
    Follower follower{file};
    poll(follower);
    fs::rename(file, dir / "app.log.1");
    append(file, "new\n");
    bool came = false;
    for (int i = 0; i < Follower::max_linger + 2 && !came; ++i) {
        append(dir / "app.log.1", "old\n");
        for (const auto& line : poll(follower)) came = came || line == "new";
    }
    EXPECT_TRUE(came);
}

TEST_F(Following, ContinuesAfterCopyAndTruncate)
{
    append(file, "a long first line\n");
    Follower follower{file};
    poll(follower);
    append(file, "b\n");
    EXPECT_THAT(poll(follower), ElementsAre("b"));
    fs::resize_file(file, 0);
    append(file, "c\n");
    EXPECT_THAT(poll(follower), ElementsAre("c"));
}

TEST_F(Following, NoticesATruncatedFileThatIsLongerAgain)
{
    append(file, "2026-11-20 first\n");
    Follower follower{file};
    poll(follower);
    fs::resize_file(file, 0);
    append(file, "2026-11-21 x\n2026-11-21 this is more than there was\n");
    EXPECT_THAT(poll(follower), ElementsAre("2026-11-21 x", "2026-11-21 this is more than there was"));
}

TEST_F(Following, ResumesAtItsPosition)
{
    append(file, "a\n");
    std::optional<FilePosition> position;
    {
        Follower follower{file};
        poll(follower);
        append(file, "b\nhalf");
        EXPECT_THAT(poll(follower), ElementsAre("b"));
        position = follower.position();
    }
    append(file, " a line\nc\n");
    Follower again{file, position};
    EXPECT_THAT(poll(again), ElementsAre("half a line", "c"));
}

TEST_F(Following, ReadsAFileCreatedMeanwhileFromItsStart)
{
    append(file, "a\n");
    std::optional<FilePosition> position;
    {
        Follower follower{file};
        poll(follower);
        position = follower.position();
    }
    fs::rename(file, dir / "app.log.1");
    append(file, "b\nc\n");
    Follower again{file, position};
    EXPECT_THAT(poll(again), ElementsAre("b", "c"));
}

TEST_F(Following, DoesNotTrustAnInodeWithOtherContent)
{
    append(file, "first content\n");
    std::optional<FilePosition> position;
    {
        Follower follower{file};
        poll(follower);
        position = follower.position();
    }
    fs::resize_file(file, 0);
    append(file, "other content, and more of it\n");
    Follower again{file, position};
    EXPECT_THAT(poll(again), ElementsAre("other content, and more of it"));
}

TEST_F(Following, ReportsTheProblemOfItsPath)
{
    fs::create_directory(file);
    Follower folder{file};
    poll(folder);
    EXPECT_THAT(folder.problem(), HasSubstr("not a regular file"));
    ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
    Follower fifo{dir / "fifo"}; // and does not wait for its writer
    poll(fifo);
    EXPECT_THAT(fifo.problem(), HasSubstr("not a regular file"));
    if (::geteuid() != 0) {
        write_file(dir / "secret", "x\n", 0000);
        Follower secret{dir / "secret"};
        poll(secret);
        EXPECT_THAT(secret.problem(), HasSubstr("Permission denied. Let the daemon's user read it"));
    }
}

TEST_F(Following, ClosesADeletedFileAfterAWhile)
{
    append(file, "a\n");
    Follower follower{file};
    poll(follower);
    fs::remove(file);
    poll(follower, Follower::linger_missing + 1);
    EXPECT_THAT(follower.problem(), HasSubstr("No such file"));
    append(file, "b\n");
    EXPECT_THAT(poll(follower), ElementsAre("b"));
}

TEST_F(Following, TakesABacklogInSteps)
{
    append(file, "");
    Follower follower{file};
    poll(follower);
    std::string much;
    for (int i = 0; i < 100'000; ++i) much += "line " + std::to_string(i) + "\n";
    append(file, much);
    EXPECT_LT(poll(follower).size(), 100'000u);
    std::size_t count = lines.size();
    for (int i = 0; i < 20; ++i) count += poll(follower).size();
    EXPECT_EQ(count, 100'000u);
    EXPECT_EQ(follower.skipped(), 0u);
}

TEST_F(Following, JumpsAheadWhenFarBehindAndCounts)
{
    append(file, "");
    Follower follower{file};
    poll(follower);
    append(file, "first\n");
    fs::resize_file(file, Follower::max_behind + Follower::step); // a hole: no disk is used
    append(file, "\nlast\n");
    poll(follower, 3);
    ASSERT_FALSE(lines.empty());
    EXPECT_EQ(lines.back(), "last");
    EXPECT_GT(follower.skipped(), Follower::max_behind - Follower::step);
}

TEST_F(Following, FollowsASymbolicLink)
{
    append(dir / "real", "a\n");
    fs::create_symlink(dir / "real", file);
    Follower follower{file};
    poll(follower);
    append(dir / "real", "b\n");
    EXPECT_THAT(poll(follower), ElementsAre("b"));
}

} // namespace
