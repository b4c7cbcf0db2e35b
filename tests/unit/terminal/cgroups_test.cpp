// The numbers of commands' cgroups. Folders of a temporary directory stand for a v1 hierarchy.
#include <plugins/terminal/cgroup.hpp>
#include <plugins/terminal/cgroup_place.hpp>

#include "tests/support/support.hpp"

#include <gtest/gtest.h>

using namespace agenthost::terminal;

namespace {

struct FolderSystem : CgroupSystem {
    explicit FolderSystem(std::string folder) : mount{std::move(folder)} {}
    std::string mount;
    std::string read(const std::string& file) override
    {
        if (file == "/proc/self/mounts") return "cgroup " + mount + " cgroup rw,pids 0 0\n";
        if (file == "/proc/self/cgroup") return "1:pids:/\n";
        return CgroupSystem::read(file);
    }
};

TEST(Cgroups, GiveEachCommandAFolderOfItsOwnOverReloads)
{
    const agenthost::test::TempDir dir;
    FolderSystem system{dir.path().string()};
    Limits limits;
    limits.processes = 10;
    Cgroups cgroups;
    cgroups.open(limits, system);
    const Cgroup first = cgroups.make(limits);
    ASSERT_EQ(first.tasks().size(), 1u) << cgroups.describe();

    cgroups.open(limits, system); // the configuration is loaded again while the command runs
    const Cgroup second = cgroups.make(limits);
    ASSERT_EQ(second.tasks().size(), 1u) << "its folder could not be made";
    EXPECT_NE(second.tasks(), first.tasks());

    cgroups.close(); // cgroup: off, and on again
    EXPECT_EQ(cgroups.describe(), "none");
    cgroups.open(limits, system);
    const Cgroup third = cgroups.make(limits);
    ASSERT_EQ(third.tasks().size(), 1u) << "its folder could not be made";
    EXPECT_NE(third.tasks(), first.tasks());
    EXPECT_NE(third.tasks(), second.tasks());
}

} // namespace
