// Finds the folder of the v2 hierarchy below which commands get their cgroups, and enables the controllers for their limits there.
//
// The kernel's rules decide what is possible. A cgroup that passes the memory controller on may hold no process itself. `pids` is
// worse: enabling it in a cgroup that holds processes succeeds, and makes every child cgroup unusable ("domain invalid"). So
// controllers are enabled only where no process is. Our own cgroup holds the daemon; where it has been delegated to us (systemd's
// Delegate=yes), the daemon first moves into a leaf of it. Where it has not, moving would fight the service manager: commands
// still get a cgroup, so that all their processes can be killed at once, and their limits are rlimits.
#pragma once

#include <string>
#include <vector>

namespace agenthost::terminal {

// Access to cgroup file systems. Tests replace it by a model of the kernel's rules.
class CgroupSystem {
public:
    virtual ~CgroupSystem() = default;
    virtual std::string read(const std::string& file); // empty: it does not exist
    virtual bool write(const std::string& file,
                       const std::string& text); // in one write, as the kernel wants it
    virtual bool make(const std::string& folder);
    virtual bool remove(const std::string& folder);
    virtual std::string attribute(const std::string& folder, const char* name); // extended; empty: not set
};

struct CgroupPlace {
    std::string folder; // empty: none
    bool pids = false, memory = false;
    std::string problem; // why a wanted controller cannot be used, and what to do; for the log and health
};

// `probe`: the name of a folder that may be made for a moment.
CgroupPlace find_cgroup_place(CgroupSystem&, const std::string& probe, bool want_pids, bool want_memory);

// Our own folder in a hierarchy: `controller` empty means v2. Empty: there is none.
std::string own_cgroup(CgroupSystem&, const std::string& controller);

} // namespace agenthost::terminal
