// Reading a machine: a captured one, this one, one whose filesystem hangs.
#include "plugins/telemetry/machine.hpp"
#include "plugins/telemetry/system_reader.hpp"
#include "tests/support/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <condition_variable>
#include <mutex>

using namespace agenthost::telemetry;
using namespace agenthost::test;
using namespace std::chrono_literals;

namespace {

const std::string vm = agenthost::test::source_dir().string() + "/tests/unit/telemetry/data/vm";

// A filesystem that answers, except where and while it is told not to.
struct FakeDisks {
    std::mutex mutex;
    std::condition_variable changed;
    std::string hangs;
    int hanging = 0, asked = 0;
    bool operator()(Usage& usage)
    {
        std::unique_lock lock{mutex};
        ++asked;
        ++hanging;
        changed.notify_all();
        changed.wait(lock, [&] { return usage.point != hangs; });
        --hanging;
        usage.total = 1000;
        usage.used = 400;
        usage.available = 600;
        return usage.point != "/gone";
    }
    void hang(std::string where)
    {
        const std::scoped_lock lock{mutex};
        hangs = std::move(where);
        changed.notify_all();
    }
};

Mount at(std::string point) { return {.device = point, .point = point, .type = "ext4", .source = "x"}; }

TEST(Probe, ReadsEachFilesystem)
{
    FakeDisks disks;
    Probe probe{[&](Usage& u) { return disks(u); }};
    const auto all = probe.query({at("/"), at("/gone"), at("/srv")}, max_wait);
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].point, "/");
    EXPECT_EQ(all[0].used, 400u);
    EXPECT_EQ(all[1].point, "/srv");
    EXPECT_FALSE(probe.stuck());
}

TEST(Probe, DoesNotWaitForAHungFilesystemAndNoticesItsReturn)
{
    FakeDisks disks;
    disks.hang("/dead");
    {
        Probe probe{[&](Usage& u) { return disks(u); }};
        const auto all = probe.query({at("/"), at("/dead"), at("/srv")}, 50ms);
        ASSERT_TRUE(wait_for([&] { return probe.stuck() == "/dead"; }));
        const auto again = probe.query({at("/"), at("/dead"), at("/srv")}, 1ms);
        ASSERT_EQ(again.size(), 2u); // what answered, and what hangs
        EXPECT_EQ(again[0].point, "/");
        EXPECT_FALSE(again[0].stuck);
        EXPECT_EQ(again[1].point, "/dead");
        EXPECT_TRUE(again[1].stuck);
        disks.hang("");
        ASSERT_TRUE(wait_for([&] { return probe.query({at("/")}, max_wait).size() == 1; }));
        EXPECT_FALSE(probe.stuck());
    }
}

TEST(Probe, EndsAlthoughAFilesystemHangs)
{
    const auto disks = std::make_shared<FakeDisks>();
    disks->hang("/dead");
    {
        Probe probe{[disks](Usage& u) { return (*disks)(u); }};
        probe.query({at("/dead")}, 1ms);
        ASSERT_TRUE(wait_for([&] { return probe.stuck() == "/dead"; }));
    } // returns: the thread is left behind
    disks->hang("");
    EXPECT_TRUE(wait_for([&] {
        const std::scoped_lock lock{disks->mutex};
        return disks->hanging == 0;
    }));
}

TEST(SystemReader, ReadsTheCapturedMachine)
{
    FakeDisks disks;
    SystemReader reader{{.proc = vm, .interfaces = {}, .filesystems = {}, .timeout = max_wait},
                        [&](Usage& u) { return disks(u); }};
    const Reading r = reader.read();
    ASSERT_TRUE(r.cpu && r.memory && r.load && r.uptime_s && r.disk);
    EXPECT_EQ(r.cpu->cpus, 2u);
    EXPECT_EQ(r.memory->total, 24684084ull * 1024);
    ASSERT_EQ(r.interfaces.size(), 1u);
    EXPECT_EQ(r.interfaces[0].name, "eth0");
    ASSERT_EQ(r.disks.size(), 1u);
    EXPECT_EQ(r.disks[0].name, "vda");
    ASSERT_EQ(r.filesystems.size(), 1u);
    EXPECT_EQ(r.disk->point, "/");
    EXPECT_DOUBLE_EQ(r.disk->percent(), 40);
}

TEST(SystemReader, TheDiskIsTheFilesystemOfItsPath)
{
    TempDir dir;
    std::filesystem::create_directories(dir / "self");
    write_file(dir / "self/mountinfo",
               "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 8:2 / /var/lib rw - ext4 /dev/b rw\n"
               "3 1 8:3 / /var/library rw - ext4 /dev/c rw\n");
    FakeDisks disks;
    SystemReader reader{{.proc = dir.path(),
                         .interfaces = {},
                         .filesystems = {"/var/library"},
                         .disk = "/var/lib/agenthost",
                         .timeout = max_wait},
                        [&](Usage& u) { return disks(u); }};
    const Reading r = reader.read();
    ASSERT_TRUE(r.disk);
    EXPECT_EQ(r.disk->point, "/var/lib");
    EXPECT_FALSE(r.cpu || r.memory || r.load); // those files are not there, and that stops nothing
}

TEST(SystemReader, SkipsNetworkFilesystemsUnlessConfigured)
{
    TempDir dir;
    std::filesystem::create_directories(dir / "self");
    write_file(dir / "self/mountinfo",
               "1 0 0:9 / / rw - nfs4 srv:/root rw\n2 1 0:8 / /n rw - nfs srv:/x rw\n");
    FakeDisks disks;
    SystemReader reader{{.proc = dir.path(), .interfaces = {}, .filesystems = {}},
                        [&](Usage& u) { return disks(u); }};
    EXPECT_FALSE(reader.read().disk);
    EXPECT_EQ(disks.asked, 0);
}

TEST(SystemReader, KeepsTheLastValuesOfAHungFilesystem)
{
    TempDir dir;
    std::filesystem::create_directories(dir / "self");
    write_file(dir / "self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/a rw\n");
    FakeDisks disks;
    SystemReader reader{{.proc = dir.path(), .interfaces = {}, .filesystems = {}, .timeout = 50ms},
                        [&](Usage& u) { return disks(u); }};
    ASSERT_TRUE(wait_for([&] { return reader.read().disk.has_value(); }));
    disks.hang("/");
    Reading r;
    ASSERT_TRUE(wait_for([&] { return r = reader.read(), r.disk && r.disk->stuck; }));
    EXPECT_EQ(r.disk->used, 400u);
    disks.hang("");
    ASSERT_TRUE(wait_for([&] { return r = reader.read(), r.disk && !r.disk->stuck; }));
}

TEST(SystemReader, ReadsThisMachine)
{
    SystemReader reader{{}};
    const Reading r = reader.read();
    ASSERT_TRUE(r.cpu && r.memory && r.load && r.uptime_s);
    EXPECT_GT(r.memory->total, r.memory->available);
    EXPECT_GT(r.at.count(), 0);
}

TEST(File, IsReadWithoutWaitingForAFifo)
{
    TempDir dir;
    ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
    EXPECT_EQ(small_file(dir / "fifo").value_or("x"), "x");
    EXPECT_FALSE(small_file(dir / "nothing"));
    write_file(dir / "big", std::string(3 << 20, 'a'));
    EXPECT_EQ(small_file(dir / "big")->size(), 1u << 20);
}

TEST(Machine, HasTheIdOfTheSystem)
{
    TempDir root, state;
    std::filesystem::create_directories(root / "etc");
    write_file(root / "etc/machine-id", "3d1219c7c4c5404aaa1f6d2a48adfda4\n");
    write_file(root / "etc/os-release", "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
    const auto machine = read_identity(state.path(), root.path());
    EXPECT_EQ(machine.id, "3d1219c7c4c5404aaa1f6d2a48adfda4");
    EXPECT_FALSE(machine.made_up);
    EXPECT_EQ(machine.os, "Debian GNU/Linux 12 (bookworm)");
    EXPECT_FALSE(machine.hostname.empty());
}

TEST(Machine, MakesAnIdOnceWhereTheSystemHasNone)
{
    TempDir root, state;
    std::filesystem::create_directories(root / "etc");
    write_file(root / "etc/machine-id", "uninitialized\n");
    const auto first = read_identity(state.path(), root.path());
    EXPECT_TRUE(first.made_up);
    EXPECT_EQ(first.id.size(), 32u);
    EXPECT_EQ(read_identity(state.path(), root.path()).id, first.id);
    EXPECT_EQ(std::filesystem::status(state / "machine-id").permissions(), std::filesystem::perms{0600});
    EXPECT_NE(read_identity({}, root.path()).id, first.id);
}

} // namespace
