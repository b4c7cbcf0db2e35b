// A cgroup for each command, where the system lets us make one: below our own, v1 and v2. It is the second means: the helper, a
// child subreaper, already keeps every descendant. The cgroup makes the limits exact (per command, not per user) and the kill atomic.
//
// v2: one folder, with limits where cgroup_place.hpp finds the controllers. v1: a folder in `pids` and `memory` when the limits ask
// for them. Limits that no cgroup holds are rlimits, and problem() says so. Loop thread.
#pragma once

#include "config.hpp"

#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace agenthost::terminal {

class Cgroups;
class CgroupSystem;

// One command's. The destructor kills what is left in it and removes it.
class Cgroup {
public:
    Cgroup() = default;
    Cgroup(Cgroup&& other) noexcept { *this = std::move(other); }
    Cgroup& operator=(Cgroup&& other) noexcept;
    Cgroup(const Cgroup&) = delete;
    Cgroup& operator=(const Cgroup&) = delete;
    ~Cgroup() { remove(); }

    // What terminal-exec is told: the v2 folder (empty: none), then v1 `tasks` files.
    [[nodiscard]] const std::string& unified() const { return unified_; }
    [[nodiscard]] std::vector<std::string> tasks() const;
    struct Held { // by which limits are kept; neither: by rlimits
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
    // Looks where we are and what we may do; ends what an agent that died left behind.
    void open(const Limits&);
    void open(const Limits&, CgroupSystem&);
    void close() { found_ = {}; }
    Cgroup make(const Limits&);
    // For people: "v2", "v1 pids", "none".
    [[nodiscard]] std::string describe() const;
    // Which limits are not kept by a cgroup, what that means, what to do. Empty: all are, or there are none.
    [[nodiscard]] const std::string& problem() const { return found_.problem; }

private:
    struct Found {
        std::string unified, pids, memory; // folders of our own in each; empty: not usable
        bool unified_pids = false, unified_memory = false;
        std::string problem;
    };
    Found found_;
    // Never starts again, whatever is closed and opened: commands that still run own the folders with the earlier numbers.
    unsigned long last_ = 0;
};

} // namespace agenthost::terminal
