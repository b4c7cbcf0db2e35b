// What the benchmarks share: paired rounds, medians, a table and JSON, the CPU time and memory of a process.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

namespace agenthost::bench {

double now_s(); // steady
double median(std::vector<double>);
double percentile(std::vector<double>&, double p); // sorts

// CPU seconds of this process so far, ended threads included.
double own_cpu_s();

// CPU seconds of all threads so far (schedstat, ns resolution).
double cpu_s(pid_t);
std::uint64_t rss_kib(pid_t);      // VmRSS
std::uint64_t peak_rss_kib(pid_t); // VmHWM
void reset_peak_rss(pid_t);        // clear_refs

// Runs to the end; wall, CPU and peak RSS from wait4.
struct Cost {
    double wall_s = 0, cpu_s = 0;
    std::uint64_t peak_kib = 0;
    int code = -1;
};
Cost run(const std::vector<std::string>& argv, const std::map<std::string, std::string>& env = {});

// One row per subject: the figures of every round, and ratios against a named peer computed round by round.
class Report {
public:
    explicit Report(std::string name) : name_{std::move(name)} {}
    void add(const std::string& subject, const std::string& figure, double value);
    // median over rounds of value(subject)/value(peer); `must`, `best`: the targets of PERFORMANCE.md, 0 =
    // none; higher: more is better
    void ratio(const std::string& text, const std::string& subject, const std::string& peer,
               const std::string& figure, double must, double best, bool higher);
    // The median of a figure against a target in the figure's own unit.
    void limit(const std::string& text, const std::string& subject, const std::string& figure, double must,
               double best, bool higher);
    void note(const std::string& text) { notes_.push_back(text); }
    double value(const std::string& subject, const std::string& figure) const; // median
    // The table to stdout, JSON to build/bench/results/NAME.json. Returns how many musts were missed.
    int print(const std::string& folder) const;

private:
    struct Ratio {
        std::string text, subject, peer, figure;
        double must, best;
        bool higher;
        std::vector<double> each; // of every round
    };
    std::string name_;
    std::vector<std::string> subjects_, figures_, notes_;
    std::map<std::string, std::map<std::string, std::vector<double>>> values_;
    std::vector<Ratio> ratios_;
};

int rounds(); // BENCH_ROUNDS, default 5

} // namespace agenthost::bench
