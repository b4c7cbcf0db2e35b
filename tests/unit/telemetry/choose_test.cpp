// Which interfaces, disks and mounts count.
#include "plugins/telemetry/choose.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace agenthost::telemetry;
using testing::ElementsAre;
using testing::IsEmpty;

namespace {

std::vector<Interface> interfaces(const std::vector<std::string>& names)
{
    std::vector<Interface> out;
    for (const auto& name : names) out.push_back({.name = name});
    return out;
}
std::vector<Disk> disks(const std::vector<std::string>& names)
{
    std::vector<Disk> out;
    for (const auto& name : names) out.push_back({.name = name});
    return out;
}
Mount mount(std::string device, std::string point, std::string type)
{
    return {.device = std::move(device), .point = std::move(point), .type = std::move(type), .source = "x"};
}
std::vector<std::string> points(const ChosenMounts& chosen)
{
    std::vector<std::string> out;
    for (const auto& one : chosen.mounts) out.push_back(one.point);
    return out;
}

TEST(Interfaces, CountEachByteOnce)
{
    const auto all = interfaces({"lo", "eth0", "eno1", "wlan0", "docker0", "br-12ab", "veth9", "bond0",
                                 "eth0.100", "tun0", "wg0", "virbr0", "cali1", "enp3s0", "eth0:1"});
    EXPECT_THAT(choose_interfaces(all, {}).names, ElementsAre("eno1", "enp3s0", "eth0", "wlan0"));
}

TEST(Interfaces, FollowThePatternsWhenThereAreAny)
{
    const auto all = interfaces({"lo", "eth0", "bond0", "bond1"});
    EXPECT_THAT(choose_interfaces(all, {"bond*", "lo"}).names, ElementsAre("bond0", "bond1", "lo"));
    EXPECT_THAT(choose_interfaces(all, {"nope"}).names, IsEmpty());
}

TEST(Interfaces, AreBoundedAndTheRestIsCounted)
{
    std::vector<std::string> names;
    for (int i = 100; i < 150; ++i) names.push_back("eth" + std::to_string(i));
    const auto chosen = choose_interfaces(interfaces(names), {});
    EXPECT_EQ(chosen.names.size(), max_interfaces);
    EXPECT_EQ(chosen.names.front(), "eth100");
    EXPECT_EQ(chosen.left_out, 50 - max_interfaces);
}

TEST(Disks, AreWholeOnes)
{
    const auto all = disks({"sda", "sda1", "vda", "vda12", "nvme0n1", "nvme0n1p1", "mmcblk0", "mmcblk0p2",
                            "loop0", "ram0", "zram0", "sr0", "dm-0", "md0", "md0p1", "xvdf", "xvdf3"});
    EXPECT_THAT(choose_disks(all).names, ElementsAre("md0", "mmcblk0", "nvme0n1", "sda", "vda", "xvdf"));
}

TEST(Mounts, AreThoseOnDisksEachOnce)
{
    const auto chosen = choose_mounts(
        {mount("8:1", "/", "ext4"), mount("8:2", "/var/lib/data", "xfs"), mount("8:2", "/srv", "xfs"),
         mount("0:5", "/proc", "proc"), mount("0:6", "/run", "tmpfs"), mount("0:7", "/mnt/nas", "nfs4"),
         mount("0:8", "/home/x/.gvfs", "fuse.gvfsd-fuse"), mount("8:3", "/win", "fuseblk"),
         mount("7:0", "/snap/core/1", "squashfs")},
        {}, false);
    EXPECT_THAT(points(chosen), ElementsAre("/", "/srv", "/win"));
}

TEST(Mounts, IncludeTheRootOfAContainer)
{
    const auto chosen = choose_mounts(
        {mount("0:40", "/", "overlay"), mount("0:41", "/var/lib/docker/x/merged", "overlay")}, {}, false);
    EXPECT_THAT(points(chosen), ElementsAre("/"));
}

TEST(Mounts, UseNetworkFilesystemsOnlyWhenConfigured)
{
    const std::vector<Mount> all{mount("8:1", "/", "ext4"), mount("0:7", "/mnt/nas", "nfs4")};
    EXPECT_THAT(points(choose_mounts(all, {"/mnt/nas"}, false)), IsEmpty());
    EXPECT_THAT(points(choose_mounts(all, {"/mnt/nas"}, true)), ElementsAre("/mnt/nas"));
    EXPECT_THAT(points(choose_mounts(all, {}, true)), ElementsAre("/", "/mnt/nas"));
}

TEST(Mounts, ALaterOneCoversAnEarlierAtTheSamePoint)
{
    const auto chosen =
        choose_mounts({mount("8:1", "/data", "ext4"), mount("0:9", "/data", "nfs")}, {}, false);
    EXPECT_THAT(points(chosen), IsEmpty());
}

TEST(Mounts, AreBounded)
{
    std::vector<Mount> all;
    for (int i = 100; i < 200; ++i)
        all.push_back(mount("8:" + std::to_string(i), "/m" + std::to_string(i), "ext4"));
    const auto chosen = choose_mounts(all, {}, false);
    EXPECT_EQ(chosen.mounts.size(), max_filesystems);
    EXPECT_EQ(chosen.left_out, 100 - max_filesystems);
}

TEST(Patterns, EndWithAStarOrAreTheName)
{
    EXPECT_TRUE(matches("eth*", "eth0"));
    EXPECT_TRUE(matches("*", ""));
    EXPECT_TRUE(matches("eth0", "eth0"));
    EXPECT_FALSE(matches("eth0", "eth00"));
    EXPECT_FALSE(matches("et*h", "etXh"));
}

} // namespace
