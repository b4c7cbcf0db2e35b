// The kernel's texts: captured ones, old ones, hostile ones.
#include "plugins/telemetry/proc.hpp"
#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <random>

using namespace agenthost::telemetry;

namespace {

std::string captured(const std::string& name)
{
    return agenthost::test::read_file(agenthost::test::source_dir() / "tests/unit/telemetry/data/vm" / name);
}

TEST(Stat, SumsUpAllCpus)
{
    const auto cpu = parse_stat("cpu  4705 150 1120 16250 520 30 45 12 7 8\n"
                                "cpu0 2352 75 560 8125 260 15 22 6 0 0\n"
                                "cpu1 2353 75 560 8125 260 15 23 6 0 0\n"
                                "intr 114930548 113199788 3 0 5\nctxt 1990473\nbtime 1062191376\n");
    ASSERT_TRUE(cpu);
    EXPECT_EQ(cpu->user, 4705u);
    EXPECT_EQ(cpu->idle, 16250u);
    EXPECT_EQ(cpu->iowait, 520u);
    EXPECT_EQ(cpu->steal, 12u);
    EXPECT_EQ(cpu->cpus, 2u);
}

TEST(Stat, ReadsTheCapturedMachine)
{
    const auto cpu = parse_stat(captured("stat"));
    ASSERT_TRUE(cpu);
    EXPECT_EQ(cpu->cpus, 2u);
    EXPECT_GT(cpu->idle, 0u);
}

TEST(Stat, TakesTheFourColumnsOfAnOldKernel)
{
    const auto cpu = parse_stat("cpu 1 2 3 4\n");
    ASSERT_TRUE(cpu);
    EXPECT_EQ(cpu->idle, 4u);
    EXPECT_EQ(cpu->iowait, 0u);
    EXPECT_EQ(cpu->cpus, 1u);
}

TEST(Stat, RejectsInvalidText)
{
    for (const char* text : {"", "\n", "cpu", "cpu 1 2 3", "cpu a b c d", "cpu -1 2 3 4", "cpu0 1 2 3 4",
                             "intr 5", "cpu 99999999999999999999 2 3 4"})
        EXPECT_FALSE(parse_stat(text)) << text;
}

TEST(Meminfo, ReadsAvailableMemory)
{
    const auto memory =
        parse_meminfo("MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    400 kB\n"
                      "Buffers:          50 kB\nCached:          200 kB\nSwapTotal:       10 kB\n"
                      "SwapFree:         5 kB\nHugePages_Total:   0\n");
    ASSERT_TRUE(memory);
    EXPECT_EQ(memory->total, 1000u * 1024);
    EXPECT_EQ(memory->available, 400u * 1024);
    EXPECT_EQ(memory->swap_total, 10u * 1024);
    EXPECT_EQ(memory->swap_free, 5u * 1024);
}

TEST(Meminfo, EstimatesForAnOldKernel)
{
    const auto memory = parse_meminfo("MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 200 kB\n");
    ASSERT_TRUE(memory);
    EXPECT_EQ(memory->available, 350u * 1024);
}

TEST(Meminfo, NeverExceedsTheTotal)
{
    const auto memory =
        parse_meminfo("MemTotal: 10 kB\nMemAvailable: 18446744073709551615 kB\nSwapTotal: 1 kB\n"
                      "SwapFree: 9 kB\n");
    ASSERT_TRUE(memory);
    EXPECT_EQ(memory->available, memory->total);
    EXPECT_EQ(memory->swap_free, memory->swap_total);
    EXPECT_FALSE(parse_meminfo("MemTotal: 0 kB\n"));
    EXPECT_FALSE(parse_meminfo("MemFree: 10 kB\n"));
    EXPECT_FALSE(parse_meminfo(""));
}

TEST(Loadavg, HasThreeFigures)
{
    const auto load = parse_loadavg("4.88 3.53 2.72 3/152 7684\n");
    ASSERT_TRUE(load);
    EXPECT_EQ(*load, (Load{4.88, 3.53, 2.72}));
    for (const char* text : {"", "1 2", "a b c", "nan 1 1", "inf 1 1", "-1 0 0", "1e300 1 1", "1.2.3 1 1"})
        EXPECT_FALSE(parse_loadavg(text)) << text;
}

TEST(NetDev, ReadsNamesAndBytes)
{
    const auto all = parse_net_dev(captured("net/dev"));
    ASSERT_EQ(all.size(), 4u);
    EXPECT_EQ(all[0].name, "lo");
    EXPECT_EQ(all[3].name, "eth0");
    EXPECT_GT(all[3].in, 0u);
    EXPECT_GT(all[3].out, 0u);
}

TEST(NetDev, AcceptsValuesWithoutASpaceAndAliases)
{
    const auto all = parse_net_dev("eth0:4294967295 1 2 3 0 0 0 0 77 5 6 7 0 0 0 0\n"
                                   "  eth0:1: 1 1 1 1 1 1 1 1 2 2 2 2 2 2 2 2\n");
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].name, "eth0");
    EXPECT_EQ(all[0].in, 4294967295u);
    EXPECT_EQ(all[0].in_errors, 2u);
    EXPECT_EQ(all[0].in_drops, 3u);
    EXPECT_EQ(all[0].out, 77u);
    EXPECT_EQ(all[0].out_errors, 6u);
    EXPECT_EQ(all[1].name, "eth0:1");
}

TEST(NetDev, SkipsInvalidLines)
{
    EXPECT_TRUE(
        parse_net_dev(
            "eth0: 1 2 3\n: 1 1 1 1 1 1 1 1 2 2 2 2 2 2 2 2\neth1: x 1 1 1 1 1 1 1 2 2 2 2 2 2 2 2\n" +
            std::string(100, 'n') +
            ": 1 1 1 1 1 1 1 1 2 2 2 2 2 2 2 2\n"
            "a\x01z: 1 1 1 1 1 1 1 1 2 2 2 2 2 2 2 2\n")
            .empty());
}

TEST(Diskstats, CountsBytes)
{
    const auto all =
        parse_diskstats("   8       0 sda 10 1 2048 3 20 2 4096 4 0 1500 6\n"
                        " 254 0 vda 1 1 18446744073709551615 1 1 1 1 1 0 9 1 0 0 0 0 0 0\n 8 1 sda1 1 2 3\n");
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].name, "sda");
    EXPECT_EQ(all[0].read, 2048u * 512);
    EXPECT_EQ(all[0].written, 4096u * 512);
    EXPECT_EQ(all[0].busy_ms, 1500u);
    EXPECT_EQ(all[1].read, UINT64_MAX); // saturates, does not wrap
    EXPECT_EQ(parse_diskstats(captured("diskstats")).size(), 10u);
}

TEST(Mountinfo, ReadsEscapesAndOptionalFields)
{
    const auto all =
        parse_mountinfo("36 35 98:0 /mnt1 /mnt/my\\040disk\\134x rw,noatime master:1 shared:2 - ext3 "
                        "/dev/my\\040root rw,errors=continue\n"
                        "37 35 0:50 / /ro ro,relatime - squashfs /dev/loop0 ro\n"
                        "38 35 0:51 / /sro rw - ext4 /dev/x ro,journal\n");
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0].point, "/mnt/my disk\\x");
    EXPECT_EQ(all[0].device, "98:0");
    EXPECT_EQ(all[0].type, "ext3");
    EXPECT_EQ(all[0].source, "/dev/my root");
    EXPECT_FALSE(all[0].read_only);
    EXPECT_TRUE(all[1].read_only);
    EXPECT_TRUE(all[2].read_only);
}

TEST(Mountinfo, SkipsInvalidLines)
{
    EXPECT_TRUE(parse_mountinfo("").empty());
    EXPECT_TRUE(parse_mountinfo("36 35 98:0 / /x rw master:1 ext3 /dev/a rw\n").empty()); // no dash
    EXPECT_TRUE(parse_mountinfo("36 35 98:0 / relative rw - ext3 a rw\n").empty());
    EXPECT_TRUE(parse_mountinfo("36 35 98:0 / /" + std::string(5000, 'x') + " rw - ext3 a rw\n").empty());
    const auto cut = parse_mountinfo("1 2 3:4 / /a\\04 rw - ext4 s rw");
    ASSERT_EQ(cut.size(), 1u);
    EXPECT_EQ(cut[0].point, "/a\\04");
    EXPECT_FALSE(parse_mountinfo(captured("self/mountinfo")).empty());
}

TEST(Parsers, KeepTheirBoundsWhateverTheFileSays)
{
    std::string many;
    for (int i = 0; i < 20'000; ++i) many += "e" + std::to_string(i) + ": 1 1 1 1 1 1 1 1 2 2 2 2 2 2 2 2\n";
    EXPECT_EQ(parse_net_dev(many).size(), max_parsed);
}

TEST(Parsers, SurviveAnyBytes)
{
    std::mt19937 random{7};
    const std::string real = captured("stat") + captured("meminfo") + captured("net/dev") +
                             captured("diskstats") + captured("self/mountinfo") + captured("loadavg");
    for (int i = 0; i < 3000; ++i) {
        std::string text = real.substr(random() % real.size(), random() % 600);
        for (auto n = random() % 8; n > 0 && !text.empty(); --n)
            text[random() % text.size()] = static_cast<char>(random() % 256);
        (void)parse_stat(text);
        (void)parse_meminfo(text);
        (void)parse_loadavg(text);
        (void)parse_uptime(text);
        for (const auto& one : parse_net_dev(text)) EXPECT_LE(one.name.size(), 64u);
        for (const auto& one : parse_diskstats(text)) EXPECT_LE(one.name.size(), 64u);
        for (const auto& one : parse_mountinfo(text)) EXPECT_EQ(one.point.front(), '/');
    }
}

TEST(Uptime, IsSeconds)
{
    EXPECT_DOUBLE_EQ(parse_uptime("12345.67 54321.00\n").value_or(0), 12345.67);
    EXPECT_FALSE(parse_uptime("x"));
    EXPECT_FALSE(parse_uptime("-1 2"));
}

} // namespace
