#include "cgroup_place.hpp"

#include "base/fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>

namespace agenthost::terminal {

namespace {

constexpr const char* leaf_name = "agenthost-daemon";
constexpr int move_rounds = 10; // a process may fork while the list is read

bool lists(const std::string& text, const std::string& word)
{
    std::istringstream in{text};
    for (std::string one; in >> one;)
        if (one == word) return true;
    return false;
}

std::string first_word(const std::string& text) { return text.substr(0, text.find('\n')); }

// Where a hierarchy is mounted.
std::string mount_of(CgroupSystem& system, const std::string& controller)
{
    std::istringstream mounts{system.read("/proc/self/mounts")};
    for (std::string device, point, type, options, rest;
         mounts >> device >> point >> type >> options && std::getline(mounts, rest);)
        if (controller.empty()
                ? type == "cgroup2"
                : type == "cgroup" && ("," + options + ",").find("," + controller + ",") != std::string::npos)
            return point;
    return {};
}

std::string parent_of(const std::string& folder) { return folder.substr(0, folder.rfind('/')); }

bool delegated(CgroupSystem& system, const std::string& folder)
{
    return system.attribute(folder, "user.delegate") == "1" ||
           system.attribute(folder, "trusted.delegate") == "1";
}

// Moves every process of the folder (all the daemon's) into a leaf.
bool move_to_leaf(CgroupSystem& system, const std::string& folder)
{
    const std::string leaf = folder + "/" + leaf_name;
    if (system.read(leaf + "/cgroup.type").empty() && !system.make(leaf)) return false;
    // Enabled in a cgroup with processes, it makes every child unusable, including the leaf.
    if (lists(system.read(folder + "/cgroup.subtree_control"), "pids"))
        system.write(folder + "/cgroup.subtree_control", "-pids");
    for (int round = 0; round < move_rounds; ++round) {
        const std::string list = system.read(folder + "/cgroup.procs");
        if (first_word(list).empty()) return true;
        std::istringstream pids{list};
        for (std::string pid; pids >> pid;) system.write(leaf + "/cgroup.procs", pid); // it may have ended
    }
    return false;
}

// Whether a child of the folder can contain processes.
bool children_usable(CgroupSystem& system, const std::string& folder, const std::string& probe)
{
    const std::string child = folder + "/" + probe;
    if (!system.make(child)) return false;
    const std::string type = first_word(system.read(child + "/cgroup.type"));
    system.remove(child);
    return type.empty() || type == "domain";
}

} // namespace

std::string CgroupSystem::read(const std::string& file)
{
    std::ifstream in{file};
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

bool CgroupSystem::write(const std::string& file, const std::string& text)
{
    const base::Fd fd{::open(file.c_str(), O_WRONLY | O_CLOEXEC)};
    return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<::ssize_t>(text.size());
}

bool CgroupSystem::make(const std::string& folder) { return ::mkdir(folder.c_str(), 0755) == 0; }
bool CgroupSystem::remove(const std::string& folder) { return ::rmdir(folder.c_str()) == 0; }

std::string CgroupSystem::attribute(const std::string& folder, const char* name)
{
    std::array<char, 16> value{};
    const ::ssize_t n = ::getxattr(folder.c_str(), name, value.data(), value.size());
    return n > 0 ? std::string{value.data(), static_cast<std::size_t>(n)} : std::string{};
}

std::string own_cgroup(CgroupSystem& system, const std::string& controller)
{
    const std::string mount = mount_of(system, controller);
    if (mount.empty()) return {};
    std::istringstream groups{system.read("/proc/self/cgroup")};
    for (std::string line; std::getline(groups, line);) {
        const auto first = line.find(':'), second = line.find(':', first + 1);
        if (second == line.npos) continue;
        const std::string names = line.substr(first + 1, second - first - 1);
        if (controller.empty() ? !names.empty()
                               : ("," + names + ",").find("," + controller + ",") == names.npos)
            continue;
        std::string folder = mount + line.substr(second + 1);
        while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
        return folder;
    }
    return {};
}

CgroupPlace find_cgroup_place(CgroupSystem& system, const std::string& probe, bool want_pids,
                              bool want_memory)
{
    CgroupPlace place{.folder = own_cgroup(system, ""), .problem = {}};
    if (place.folder.empty()) return place;
    // Already in a leaf: ours from an earlier start, or the service manager's (DelegateSubgroup=).
    const bool is_delegated = delegated(system, place.folder);
    if (!is_delegated && delegated(system, parent_of(place.folder))) place.folder = parent_of(place.folder);
    if (!system.make(place.folder + "/" + probe)) {
        place.folder.clear();
        return place;
    }
    system.remove(place.folder + "/" + probe);

    const std::string control = place.folder + "/cgroup.subtree_control";
    const std::string available = system.read(place.folder + "/cgroup.controllers");
    std::string enabled;
    if ((want_pids && lists(available, "pids")) || (want_memory && lists(available, "memory"))) {
        const bool root = system.read(place.folder + "/cgroup.type").empty(); // the one cgroup without a rule
        const bool empty = first_word(system.read(place.folder + "/cgroup.procs")).empty();
        if (!root && !empty && !is_delegated)
            place.problem = "the cgroup " + place.folder +
                            " is not delegated to agenthost. Set Delegate=yes in its systemd unit";
        else if (!root && !empty && !move_to_leaf(system, place.folder))
            place.problem = "the daemon could not be moved into " + place.folder + "/" + leaf_name +
                            ". Check that its user may write there";
        else
            for (const auto& [word, want] : {std::pair{"pids", want_pids}, {"memory", want_memory}})
                if (want && lists(available, word) && !lists(system.read(control), word) &&
                    system.write(control, std::string{"+"} + word))
                    (enabled += enabled.empty() ? "-" : " -") += word;
    }
    if (!children_usable(system, place.folder, probe)) {
        if (!enabled.empty()) system.write(control, enabled);
        place.problem =
            "cgroups below " + place.folder +
            " cannot hold processes, because it has processes itself. Start agenthost in a cgroup of "
            "its own (Delegate=yes in its systemd unit)";
        if (!children_usable(system, place.folder, probe)) place.folder.clear();
        return place;
    }
    place.pids = want_pids && lists(system.read(control), "pids");
    place.memory = want_memory && lists(system.read(control), "memory");
    if (place.problem.empty() && ((want_pids && !place.pids) || (want_memory && !place.memory)))
        place.problem = "the cgroup " + place.folder + " does not offer the controller " +
                        (want_pids && !place.pids ? "pids" : "memory");
    return place;
}

} // namespace agenthost::terminal
