// Finds the folder of the v2 hierarchy below which commands get their cgroups, and enables the controllers
// for their limits there.
//
// The kernel's rules: a cgroup that passes the memory controller on must not contain processes. `pids` is
// worse: enabling it in a cgroup with processes succeeds but makes every child cgroup unusable ("domain
// invalid"). So controllers are enabled only in cgroups without processes. Our own cgroup contains the
// daemon; if it is delegated to us (systemd's Delegate=yes), the daemon first moves into a leaf of it.
// Otherwise moving would conflict with the service manager: commands still get a cgroup, so that all their
// processes can be killed at once, but their limits are rlimits.
#pragma once

#include <string>
#include <vector>

namespace agenthost::terminal {

// Access to cgroup file systems. Tests replace it by a model of the kernel's rules.
class CgroupSystem {
public:
    virtual ~CgroupSystem() = default;
    virtual std::string read(const std::string& file); // empty: it does not exist
    // In a single write, as the kernel requires.
    virtual bool write(const std::string& file, const std::string& text);
    virtual bool make(const std::string& folder);
    virtual bool remove(const std::string& folder);
    virtual std::string attribute(const std::string& folder, const char* name); // extended; empty: not set
};

struct CgroupPlace {
    std::string folder; // empty: none
    bool pids = false, memory = false;
    std::string problem; // why a wanted controller cannot be used, and what to do; for the log and health
};

// `probe`: the name of a folder that may be created temporarily.
CgroupPlace find_cgroup_place(CgroupSystem&, const std::string& probe, bool want_pids, bool want_memory);

// Returns our folder in the hierarchy of `controller` (empty: v2), or "" if we are in none.
std::string own_cgroup(CgroupSystem&, const std::string& controller);

} // namespace agenthost::terminal
