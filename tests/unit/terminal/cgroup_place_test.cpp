// Where commands get their cgroups on a v2 host, against a model of the kernel's rules.
#include <plugins/terminal/cgroup.hpp>
#include <plugins/terminal/cgroup_place.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>

using namespace agenthost::terminal;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

// cgroup v2 as Documentation/admin-guide/cgroup-v2.rst describes it: no internal processes for memory,
// threaded domains for pids.
class FakeKernel : public CgroupSystem {
public:
    struct Group {
        std::set<std::string> procs, available, enabled;
        std::map<std::string, std::string> attributes;
    };
    std::map<std::string, Group> groups;
    std::string mount = "/cg", own = "/";
    bool writable = true;

    Group& add(const std::string& path, std::set<std::string> available = {"cpu", "memory", "pids"})
    {
        Group& group = groups[mount + path];
        group.available = std::move(available);
        return group;
    }
    [[nodiscard]] std::string type(const std::string& folder) const
    {
        const std::string parent = folder.substr(0, folder.rfind('/'));
        const auto above = groups.find(parent);
        if (above == groups.end()) return "domain";
        const Group& up = above->second;
        const bool thread_root = parent != mount && !up.procs.empty() && up.enabled.contains("pids");
        return thread_root ? "domain invalid" : "domain";
    }

    std::string read(const std::string& file) override
    {
        if (file == "/proc/self/mounts")
            return "proc /proc proc rw 0 0\ncgroup2 " + mount + " cgroup2 rw,nsdelegate 0 0\n";
        if (file == "/proc/self/cgroup") return "0::" + own + "\n";
        const std::string folder = file.substr(0, file.rfind('/')), name = file.substr(file.rfind('/') + 1);
        const auto at = groups.find(folder);
        if (at == groups.end()) return {};
        if (name == "cgroup.procs") return lines(at->second.procs);
        if (name == "cgroup.controllers") return lines(at->second.available);
        if (name == "cgroup.subtree_control") return lines(at->second.enabled);
        if (name == "cgroup.type" && folder != mount) return type(folder) + "\n";
        return {};
    }
    bool write(const std::string& file, const std::string& text) override
    {
        const std::string folder = file.substr(0, file.rfind('/')), name = file.substr(file.rfind('/') + 1);
        const auto at = groups.find(folder);
        if (at == groups.end() || !writable) return false;
        if (name == "cgroup.procs") {
            if (type(folder) != "domain") return false;
            for (auto& [path, group] : groups) group.procs.erase(text);
            at->second.procs.insert(text);
            return true;
        }
        if (name != "cgroup.subtree_control") return false;
        std::istringstream words{text};
        for (std::string word; words >> word;) {
            const std::string controller = word.substr(1);
            if (word[0] == '-') {
                at->second.enabled.erase(controller);
                continue;
            }
            if (!at->second.available.contains(controller)) return false;
            const bool internal = folder != mount && !at->second.procs.empty();
            if (internal && controller != "pids") return false; // EBUSY
            at->second.enabled.insert(controller);
        }
        return true;
    }
    bool make(const std::string& folder) override
    {
        const auto above = groups.find(folder.substr(0, folder.rfind('/')));
        if (!writable || above == groups.end() || groups.contains(folder)) return false;
        const auto available = above->second.enabled;
        groups[folder].available = available;
        return true;
    }
    bool remove(const std::string& folder) override { return groups.erase(folder) > 0; }
    std::string attribute(const std::string& folder, const char* name) override
    {
        const auto at = groups.find(folder);
        return at != groups.end() && at->second.attributes.contains(name) ? at->second.attributes.at(name)
                                                                          : "";
    }

private:
    static std::string lines(const std::set<std::string>& words)
    {
        std::string text;
        for (const auto& word : words) (text += word) += '\n';
        return text;
    }
};

struct CgroupPlaceTest : testing::Test {
    FakeKernel kernel;
    CgroupPlaceTest()
    {
        kernel.add("");
        kernel.add("/system.slice");
    }
    FakeKernel::Group& unit(const std::string& delegate)
    {
        kernel.own = "/system.slice/agenthost.service";
        kernel.groups.erase(kernel.mount + kernel.own);
        auto& group = kernel.add(kernel.own);
        group.procs = {"100", "101"};
        if (!delegate.empty()) group.attributes[delegate] = "1";
        return group;
    }
    CgroupPlace find(bool pids = true, bool memory = false)
    {
        return find_cgroup_place(kernel, "probe", pids, memory);
    }
    // What the helper does: a process is born in a new child.
    bool child_takes_processes(const std::string& folder)
    {
        const bool made = kernel.make(folder + "/child");
        const bool entered = made && kernel.write(folder + "/child/cgroup.procs", "200");
        kernel.remove(folder + "/child");
        return entered;
    }
    const std::string unit_folder = "/cg/system.slice/agenthost.service";
};

TEST_F(CgroupPlaceTest, LeavesChildrenUsableWhereTheDaemonsCgroupIsNotDelegated)
{
    unit("");
    const CgroupPlace place = find();
    EXPECT_EQ(place.folder, unit_folder);
    EXPECT_FALSE(place.pids);
    EXPECT_THAT(place.problem, HasSubstr("Delegate=yes"));
    EXPECT_TRUE(child_takes_processes(place.folder));
    EXPECT_THAT(kernel.groups[unit_folder].procs, testing::ElementsAre("100", "101")); // and nobody is moved
}

TEST_F(CgroupPlaceTest, MovesTheDaemonIntoALeafWhereItIsDelegated)
{
    for (const char* attribute : {"user.delegate", "trusted.delegate"}) {
        unit(attribute);
        const CgroupPlace place = find(true, true);
        EXPECT_EQ(place.folder, unit_folder);
        EXPECT_TRUE(place.pids);
        EXPECT_TRUE(place.memory);
        EXPECT_THAT(place.problem, IsEmpty());
        EXPECT_TRUE(child_takes_processes(place.folder));
        EXPECT_THAT(kernel.groups[unit_folder].procs, IsEmpty());
        EXPECT_THAT(kernel.groups[unit_folder + "/agenthost-daemon"].procs,
                    testing::ElementsAre("100", "101"));
        kernel.groups.erase(unit_folder + "/agenthost-daemon");
    }
}

TEST_F(CgroupPlaceTest, FindsTheSamePlaceAgainFromTheLeaf)
{
    unit("user.delegate");
    find();
    kernel.own += "/agenthost-daemon";
    const CgroupPlace place = find();
    EXPECT_EQ(place.folder, unit_folder);
    EXPECT_TRUE(place.pids);
    EXPECT_TRUE(child_takes_processes(place.folder));
}

TEST_F(CgroupPlaceTest, UsesTheUnitWhenTheServiceManagerHasMadeTheLeaf)
{
    unit("user.delegate").procs.clear();
    kernel.own += "/main"; // DelegateSubgroup=main
    kernel.add(kernel.own, {}).procs = {"100"};
    const CgroupPlace place = find();
    EXPECT_EQ(place.folder, unit_folder);
    EXPECT_TRUE(place.pids);
    EXPECT_THAT(kernel.groups["/cg" + kernel.own].procs, testing::ElementsAre("100"));
}

TEST_F(CgroupPlaceTest, UndoesNothingAndUsesNothingWhereChildrenCannotHoldProcesses)
{
    unit("").enabled = {"pids"}; // somebody enabled it in a cgroup with processes
    const CgroupPlace place = find();
    EXPECT_EQ(place.folder, "");
    EXPECT_FALSE(place.pids);
    EXPECT_THAT(place.problem, HasSubstr("cannot hold processes"));
}

TEST_F(CgroupPlaceTest, RepairsADelegatedCgroupInWhichPidsWasEnabledBesideTheDaemon)
{
    unit("user.delegate").enabled = {"pids"};
    const CgroupPlace place = find(); // no process can be moved into a child before pids is taken back
    EXPECT_THAT(place.problem, IsEmpty());
    EXPECT_TRUE(place.pids);
    EXPECT_TRUE(child_takes_processes(place.folder));
}

TEST_F(CgroupPlaceTest, EnablesControllersInTheRootWithoutMovingAnybody)
{
    kernel.groups["/cg"].procs = {"1", "2"};
    const CgroupPlace place = find(true, true);
    EXPECT_EQ(place.folder, "/cg");
    EXPECT_TRUE(place.pids);
    EXPECT_TRUE(place.memory);
    EXPECT_TRUE(child_takes_processes("/cg"));
    EXPECT_THAT(kernel.groups["/cg"].procs, testing::ElementsAre("1", "2"));
}

TEST_F(CgroupPlaceTest, EnablesNothingThatNoLimitNeeds)
{
    auto& group = unit("user.delegate");
    const CgroupPlace place = find(false, false);
    EXPECT_EQ(place.folder, unit_folder); // still good for killing everything at once
    EXPECT_THAT(place.problem, IsEmpty());
    EXPECT_THAT(group.enabled, IsEmpty());
    EXPECT_THAT(group.procs, testing::SizeIs(2));
}

TEST_F(CgroupPlaceTest, SaysWhichControllerIsNotOffered)
{
    unit("user.delegate").available = {"pids"};
    const CgroupPlace place = find(true, true);
    EXPECT_TRUE(place.pids);
    EXPECT_FALSE(place.memory);
    EXPECT_THAT(place.problem, HasSubstr("memory"));
}

TEST_F(CgroupPlaceTest, HasNoPlaceWhereNothingCanBeMade)
{
    unit("user.delegate");
    kernel.writable = false;
    EXPECT_EQ(find().folder, "");
}

// Where no cgroup holds a limit, rlimits do, and it is said what that means: the text is the log's and
// health's.
TEST_F(CgroupPlaceTest, LimitsThatOnlyRlimitsKeepAreSaid)
{
    unit("");
    kernel.writable = false;
    Cgroups cgroups;
    cgroups.open({.processes = 60}, kernel);
    EXPECT_NE(cgroups.problem().find("limits.processes counts all processes of the command's user"),
              std::string::npos)
        << cgroups.problem();
    EXPECT_EQ(cgroups.problem().find("limits.memory"), std::string::npos) << cgroups.problem();
    cgroups.open({.processes = 60, .memory = 64 << 20}, kernel);
    EXPECT_NE(cgroups.problem().find("limits.memory holds for the data of each process"), std::string::npos)
        << cgroups.problem();
    EXPECT_NE(cgroups.problem().find("no cgroup can be used for it"), std::string::npos);
    cgroups.open({.processes = 0}, kernel);
    EXPECT_EQ(cgroups.problem(), "") << "without a limit nothing is missing";
}

} // namespace
