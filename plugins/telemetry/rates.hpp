// Computes rates from counters. Pure: a step takes a Reading and returns a Sample.
//
// A counter that decreased from near 2^32 to near 0 has wrapped, and the difference counts; otherwise its
// device was recreated, and this step has no rate for it. Rates are never negative and never include time
// before the device existed. If the clock did not advance by `min_interval`, the previous rates stay.
#pragma once

#include "sample.hpp"

#include <map>
#include <vector>

namespace agenthost::telemetry {

// The increase of a counter; nullopt: it was reset.
std::optional<std::uint64_t> moved(std::uint64_t before, std::uint64_t now);

// Busy percent of all CPUs between two readings; nullopt if no tick passed.
std::optional<double> cpu_percent(const CpuTicks& before, const CpuTicks& now);

class Rates {
public:
    static constexpr std::chrono::milliseconds min_interval{100}; // between readings; a tick is 10 ms
    // `at_ms`: UTC, for the Sample only.
    Sample step(const Reading&, std::int64_t at_ms);

private:
    std::chrono::nanoseconds before_{0};
    bool has_before_ = false;
    std::optional<CpuTicks> cpu_;
    std::map<std::string, Interface> interfaces_; // bounded as the readings are
    std::map<std::string, Disk> disks_;
    Sample last_;
};

} // namespace agenthost::telemetry
