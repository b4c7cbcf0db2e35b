#include "plugins/docker/service/project_ids.hpp"
#include "tests/support/support.hpp"

#include <gmock/gmock.h>

using namespace agenthost::docker::service;
using agenthost::test::TempDir;
using agenthost::test::write_file;
using testing::ElementsAre;

namespace {

bool none(std::uint32_t) { return false; }

TEST(ProjectIds, AreReadFromTheListsOfTheMachine)
{
    const TempDir dir;
    EXPECT_TRUE(listed_projects(dir.path().string()).empty());
    write_file(dir / "projid", "# names\nweb:7\nmail: 8\nbroken\nlate:x\nhuge:99999999999\n");
    write_file(dir / "projects", "9:/srv/nine\n#10:/srv/ten\n\n4000000000:/srv/many\n");
    EXPECT_THAT(listed_projects(dir.path().string()), ElementsAre(7, 8, 9, 4'000'000'000));
}

TEST(ProjectIds, AreGivenOnceAndFreeAgainAfterTheRelease)
{
    ProjectIds ids{100};
    EXPECT_EQ(ids.of("a"), 0u);
    EXPECT_EQ(ids.claim("a", {}, none), 100u);
    EXPECT_EQ(ids.claim("b", {}, none), 101u);
    EXPECT_EQ(ids.of("a"), 100u);
    ids.release("a");
    ids.release("a");
    EXPECT_EQ(ids.of("a"), 0u);
    EXPECT_EQ(ids.claim("c", {}, none), 100u);
}

TEST(ProjectIds, LeaveOutThoseOfOtherPrograms)
{
    ProjectIds ids{100};
    EXPECT_EQ(ids.claim("a", {100, 103}, [](std::uint32_t id) { return id == 101; }), 102u);
    EXPECT_EQ(ids.claim("b", {100, 103}, [](std::uint32_t id) { return id == 101; }), 104u);
    EXPECT_EQ(ids.claim("c", {}, none), 100u) << "an id that was not taken is free";
}

TEST(ProjectIds, AreTakenBackFromAStoreOrAFolder)
{
    ProjectIds ids{100};
    EXPECT_TRUE(ids.take("a", 42)) << "of an earlier range";
    EXPECT_TRUE(ids.take("a", 42));
    EXPECT_FALSE(ids.take("b", 42));
    EXPECT_EQ(ids.of("b"), 0u);
    EXPECT_TRUE(ids.take("a", 100));
    EXPECT_TRUE(ids.take("b", 42)) << "an exchanged id is free";
    EXPECT_EQ(ids.claim("c", {}, none), 101u);
}

TEST(ProjectIds, EndWithTheirRange)
{
    ProjectIds ids{max_first_project};
    EXPECT_FALSE(ids.in_range(max_first_project - 1));
    EXPECT_TRUE(ids.in_range(max_first_project));
    EXPECT_TRUE(ids.in_range(0x7fff'ffff));
    EXPECT_FALSE(ids.in_range(0x8000'0000));
    EXPECT_EQ(ids.claim("a", {}, [](std::uint32_t id) { return id != 0x7fff'ffff; }), 0x7fff'ffffu);
    EXPECT_EQ(ids.claim("b", {}, none), max_first_project);
    EXPECT_EQ(ids.claim("c", {}, [](std::uint32_t) { return true; }), 0u);
    EXPECT_EQ(ids.of("c"), 0u);
}

} // namespace
