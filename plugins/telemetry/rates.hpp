// From counters to rates. Pure: a step takes a Reading and gives a Sample.
//
// A counter that went back: near the end of 32 bits before and near the start now, it wrapped and the difference counts; else its
// device was made anew and this step has no rate for it. Figures are never negative and never come from the time before the device.
// A clock that did not move, or hardly (twice in a `least`), changes nothing: the rates of before stand.
#pragma once

#include "sample.hpp"

#include <map>
#include <vector>

namespace agenthost::telemetry {

// How far a counter moved; nullopt: it was reset.
std::optional<std::uint64_t> moved(std::uint64_t before, std::uint64_t now);

// Busy percent of all CPUs between two looks; nullopt when no tick passed.
std::optional<double> cpu_percent(const CpuTicks& before, const CpuTicks& now);

class Rates {
public:
    static constexpr std::chrono::milliseconds least{100}; // between looks; a tick is 10 ms
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
