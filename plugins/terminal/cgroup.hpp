// Creates a cgroup for each command below our own, v1 and v2, where permitted. The helper, a child subreaper,
// already keeps every descendant; the cgroup additionally makes the limits exact (per command, not per user)
// and the kill atomic.
//
// v2: one folder, with limits if cgroup_place.hpp finds the controllers. v1: a folder in `pids` and `memory`
// if the limits need them. Limits without a cgroup are rlimits, and problem() reports it. Loop thread.
#pragma once

#include "config.hpp"

#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace agenthost::terminal {

class Cgroups;
class CgroupSystem;

// One command's cgroup. The destructor kills the remaining processes and removes it.
class Cgroup {
public:
    Cgroup() = default;
    Cgroup(Cgroup&& other) noexcept { *this = std::move(other); }
    Cgroup& operator=(Cgroup&& other) noexcept;
    Cgroup(const Cgroup&) = delete;
    Cgroup& operator=(const Cgroup&) = delete;
    ~Cgroup() { remove(); }

    // Passed to terminal-exec: the v2 folder (empty: none), then v1 `tasks` files.
    [[nodiscard]] const std::string& unified() const { return unified_; }
    [[nodiscard]] std::vector<std::string> tasks() const;
    struct Held { // the limits enforced by the cgroup; others are rlimits
        bool v1 = false, v2 = false;
    };
    [[nodiscard]] Held processes() const { return processes_; }
    [[nodiscard]] Held memory() const { return memory_; }
    void kill() const;

private:
    friend class Cgroups;
    void remove();
    std::string unified_;
    std::vector<std::string> v1_;
    Held processes_, memory_;
};

class Cgroups {
public:
    // Finds our cgroup and permissions; ends processes left by a dead agent.
    void open(const Limits&);
    void open(const Limits&, CgroupSystem&);
    void close() { found_ = {}; }
    Cgroup make(const Limits&);
    // For people: "v2", "v1 pids", "none".
    [[nodiscard]] std::string describe() const;
    // Which limits no cgroup enforces, the consequence and the remedy. Empty: all are enforced, or there are
    // none.
    [[nodiscard]] const std::string& problem() const { return found_.problem; }

private:
    struct Found {
        std::string unified, pids, memory; // our folder in each hierarchy; empty: not usable
        bool unified_pids = false, unified_memory = false;
        std::string problem;
    };
    Found found_;
    // Never restarts from 0: running commands own the folders with the earlier numbers.
    unsigned long last_ = 0;
};

} // namespace agenthost::terminal
