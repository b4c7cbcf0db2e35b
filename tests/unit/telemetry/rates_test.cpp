// Two looks make a rate: wraps, resets, clocks that stand still.
#include "plugins/telemetry/rates.hpp"
#include "plugins/telemetry/sample_json.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

using namespace agenthost::telemetry;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t wrap = std::uint64_t{1} << 32;

Reading reading(std::chrono::nanoseconds at, std::uint64_t in, std::uint64_t out = 0)
{
    Reading r;
    r.at = at;
    r.interfaces = {{.name = "eth0", .in = in, .out = out}};
    return r;
}
CpuTicks ticks(std::uint64_t busy, std::uint64_t idle) { return {.user = busy, .idle = idle, .cpus = 2}; }

TEST(Counters, MoveForwardWrapOrAreReset)
{
    EXPECT_EQ(moved(5, 12), 7u);
    EXPECT_EQ(moved(7, 7), 0u);
    EXPECT_EQ(moved(wrap - 10, 20), 30u);    // wrapped
    EXPECT_EQ(moved(1000, 3), std::nullopt); // made anew
    EXPECT_EQ(moved(wrap * 4, 3), std::nullopt);
    EXPECT_EQ(moved(wrap - 10, wrap / 2), std::nullopt); // too far for a wrap
    EXPECT_EQ(moved(0, UINT64_MAX), UINT64_MAX);
}

TEST(Rates, NeedTwoLooks)
{
    Rates rates;
    const auto first = rates.step(reading(10s, 1000), 1);
    EXPECT_FALSE(first.has_rates);
    EXPECT_EQ(first.network_in, 0);
    const auto second = rates.step(reading(15s, 6000, 500), 2);
    EXPECT_TRUE(second.has_rates);
    EXPECT_DOUBLE_EQ(second.network_in, 1000);
    EXPECT_DOUBLE_EQ(second.network_out, 100);
    EXPECT_EQ(second.interfaces.at(0).in_bytes, 5000u);
    EXPECT_EQ(second.at_ms, 2);
}

TEST(Rates, ARecreatedInterfaceHasNoRateOnce)
{
    Rates rates;
    rates.step(reading(0s, 1'000'000), 0);
    const auto anew = rates.step(reading(5s, 100), 0);
    EXPECT_EQ(anew.network_in, 0);
    EXPECT_EQ(anew.interfaces.at(0).in_bytes, 0u);
    EXPECT_DOUBLE_EQ(rates.step(reading(10s, 600), 0).network_in, 100);
}

TEST(Rates, AReturningDeviceStartsAgain)
{
    Rates rates;
    rates.step(reading(0s, 1000), 0);
    Reading none;
    none.at = 5s;
    EXPECT_TRUE(rates.step(none, 0).interfaces.empty());
    EXPECT_EQ(rates.step(reading(10s, 900'000), 0).network_in, 0); // of hours it was not there for
    EXPECT_DOUBLE_EQ(rates.step(reading(15s, 905'000), 0).network_in, 1000);
}

TEST(Rates, A32BitCounterWraps)
{
    Rates rates;
    rates.step(reading(0s, wrap - 1000), 0);
    EXPECT_DOUBLE_EQ(rates.step(reading(5s, 4000), 0).network_in, 1000);
}

TEST(Rates, AClockThatStoodStillChangesNothing)
{
    Rates rates;
    rates.step(reading(10s, 0), 0);
    EXPECT_DOUBLE_EQ(rates.step(reading(15s, 5000), 0).network_in, 1000);
    const auto same = rates.step(reading(15s, 5'000'000), 0); // no time passed: no infinite rate
    EXPECT_DOUBLE_EQ(same.network_in, 1000);
    EXPECT_EQ(same.interfaces.at(0).in_bytes, 0u); // and nothing is counted twice
    const auto hardly = rates.step(reading(15s + 50ms, 5'000'000), 0);
    EXPECT_DOUBLE_EQ(hardly.network_in, 1000);
    EXPECT_DOUBLE_EQ(rates.step(reading(20s, 10'000), 0).network_in, 1000); // from the last real look
}

TEST(Rates, AClockThatWentBackStartsAgain)
{
    Rates rates;
    rates.step(reading(100s, 0), 0);
    EXPECT_FALSE(rates.step(reading(50s, 5000), 0).has_rates);
    EXPECT_DOUBLE_EQ(rates.step(reading(55s, 10'000), 0).network_in, 1000);
}

TEST(Rates, AfterALongPauseAreTheAverageOfIt)
{
    Rates rates; // a stopped process or a paused machine: hours between looks
    rates.step(reading(0s, 0), 0);
    const auto late = rates.step(reading(3h, 10'800'000), 0);
    EXPECT_DOUBLE_EQ(late.network_in, 1000);
    EXPECT_TRUE(std::isfinite(late.network_in));
}

TEST(Cpu, IsTheBusyShareOfAllTicks)
{
    EXPECT_DOUBLE_EQ(cpu_percent(ticks(100, 100), ticks(125, 175)).value(), 25);
    EXPECT_EQ(cpu_percent(ticks(1, 1), ticks(1, 1)), std::nullopt);
    EXPECT_DOUBLE_EQ(cpu_percent(ticks(0, 0), ticks(5, 0)).value(), 100);
    // iowait may go back: then it did not pass, and nothing is negative
    CpuTicks a = ticks(0, 100), b = ticks(50, 150);
    a.iowait = 40;
    b.iowait = 20;
    EXPECT_DOUBLE_EQ(cpu_percent(a, b).value(), 50);
}

TEST(Cpu, KeepsItsValueWhenNoTickPassed)
{
    Rates rates;
    Reading r;
    r.at = 0s;
    r.cpu = ticks(0, 0);
    rates.step(r, 0);
    r.at = 1s;
    r.cpu = ticks(30, 70);
    EXPECT_DOUBLE_EQ(rates.step(r, 0).cpu, 30);
    r.at = 2s;
    EXPECT_DOUBLE_EQ(rates.step(r, 0).cpu, 30);
    r.at = 3s;
    r.cpu.reset(); // the file could not be read
    EXPECT_DOUBLE_EQ(rates.step(r, 0).cpu, 30);
}

TEST(Disk, TellsBytesAndBusyTime)
{
    Rates rates;
    Reading r;
    r.at = 0s;
    r.disks = {{.name = "vda", .read = 0, .written = 0, .busy_ms = 0}};
    rates.step(r, 0);
    r.at = 10s;
    r.disks = {{.name = "vda", .read = 10'000, .written = 20'000, .busy_ms = 2500}};
    const auto sample = rates.step(r, 0);
    EXPECT_DOUBLE_EQ(sample.disks.at(0).in, 1000);
    EXPECT_DOUBLE_EQ(sample.disks.at(0).out, 2000);
    EXPECT_DOUBLE_EQ(sample.disks.at(0).busy, 25);
}

TEST(Words, AreTheShapesOfTheCommonFacts)
{
    Sample s;
    s.cpu = 25.5;
    s.memory = 65.2;
    s.disk = 40.125;
    s.network_in = 1200.4;
    s.network_out = 900;
    s.load = {0.5, 0.4, 0.3};
    EXPECT_EQ(system_load_json(s), R"({"cpu":25.5,"memory":65.2,"disk":40.12})");
    EXPECT_EQ(metrics_json(s),
              R"({"cpu_percent":25.5,"mem_percent":65.2,"disk_percent":40.12,"network_in_bps":1200,)"
              R"("network_out_bps":900,"load_average":[0.5,0.4,0.3]})");
}

TEST(Words, AreJsonWhateverTheNames)
{
    Sample s;
    s.cpu = std::nan("");
    s.network_in = -1;
    s.interfaces = {{.name = "a\"\\\n"}};
    s.filesystems.resize(max_filesystems);
    for (auto& usage : s.filesystems) {
        usage.point = "/" + std::string(4000, '\xff');
        usage.total = UINT64_MAX;
        usage.stuck = true;
    }
    const auto detail = detail_json(s);
    EXPECT_TRUE(nlohmann::json::accept(detail)) << detail;
    EXPECT_LT(detail.size(), 64u << 10); // a fact's bound
    EXPECT_TRUE(nlohmann::json::accept(metrics_json(s)));
    EXPECT_EQ(nlohmann::json::parse(metrics_json(s))["network_in_bps"], 0);
    EXPECT_EQ(number(-0.001), "0");
    EXPECT_EQ(number(1e300 * 1e300), "0");
}

TEST(Usage, CountsAsDfDoes)
{
    const Usage usage{.total = 100, .used = 60, .available = 20};
    EXPECT_DOUBLE_EQ(usage.percent(), 75);
    EXPECT_DOUBLE_EQ(Usage{}.percent(), 0);
}

} // namespace
