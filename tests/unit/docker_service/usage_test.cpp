#include "plugins/docker/service/usage.hpp"
#include "tests/support/support.hpp"

#include <gtest/gtest.h>

using namespace agenthost::docker::service;
using namespace std::chrono_literals;
using agenthost::test::TempDir;
using agenthost::test::write_file;

namespace {

const char* const net =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n"
    "    lo:    1000       1    0    0    0     0          0         0     1000       1    0\n"
    "  eth0: 2048000      10    0    0    0     0          0         0  1024000       9    0\n";

struct Machine {
    TempDir dir;
    void file(const std::string& name, const std::string& content) const
    {
        std::filesystem::create_directories((dir / name).parent_path());
        write_file(dir / name, content);
    }
    [[nodiscard]] UsageReader reader(std::chrono::nanoseconds age = 10s) const
    {
        return UsageReader{17, age, (dir / "proc").string(), (dir / "cgroup").string()};
    }
};

TEST(Usage, IsReadFromTheFirstVersionOfCgroups)
{
    const Machine machine;
    machine.file("proc/17/cgroup", "4:memory:/docker/ID\n2:cpu,cpuacct:/docker/ID\n0::/docker/ID\n");
    machine.file("proc/17/net/dev", net);
    machine.file("cgroup/memory/docker/ID/memory.usage_in_bytes", "3000000\n");
    machine.file("cgroup/memory/docker/ID/memory.stat", "cache 1\ntotal_inactive_file 1000000\n");
    machine.file("cgroup/memory/docker/ID/memory.limit_in_bytes", "9223372036854771712\n");
    machine.file("cgroup/memory/docker/ID/memory.oom_control",
                 "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
    machine.file("cgroup/cpuacct/docker/ID/cpuacct.usage", "5000000000\n");
    auto reader = machine.reader();
    const auto usage = reader.read();
    ASSERT_TRUE(usage);
    EXPECT_EQ(usage->memory, 2000000u);
    EXPECT_EQ(usage->memory_limit, 0u) << "none";
    EXPECT_EQ(usage->network_rx, 2048000u);
    EXPECT_EQ(usage->network_tx, 1024000u);
    EXPECT_EQ(usage->oom_kills, 2u);
    EXPECT_NEAR(usage->cpu_percent, 50, 1) << "5 s of CPU in the 10 s since the start";
}

TEST(Usage, IsReadFromTheSecondVersionOfCgroups)
{
    const Machine machine;
    machine.file("proc/17/cgroup", "0::/system.slice/docker-ID.scope\n");
    machine.file("cgroup/cgroup.controllers", "cpu memory\n");
    const std::string group = "cgroup/system.slice/docker-ID.scope/";
    machine.file(group + "memory.current", "5000\n");
    machine.file(group + "memory.stat", "anon 1\ninactive_file 6000\n");
    machine.file(group + "memory.max", "134217728\n");
    machine.file(group + "cpu.stat", "usage_usec 1000000\nuser_usec 1\n");
    auto reader = machine.reader();
    const auto usage = reader.read();
    ASSERT_TRUE(usage);
    EXPECT_EQ(usage->memory, 0u) << "the two files are not read at the same moment";
    EXPECT_EQ(usage->memory_limit, 134217728u);
    EXPECT_EQ(usage->network_rx, 0u);
    EXPECT_NEAR(usage->cpu_percent, 10, 1);
}

TEST(Usage, OfAProcessThatHasEndedIsUnknown)
{
    const Machine machine;
    auto reader = machine.reader();
    EXPECT_FALSE(reader.read());
}

} // namespace
