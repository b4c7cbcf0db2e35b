#include "cgroup.hpp"

#include "cgroup_place.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <utility>

namespace agenthost::terminal {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view family = "agenthost-terminal.";
constexpr auto abandoned_after = std::chrono::minutes{10};

// A folder is named after its agent: "agenthost-terminal.4026531836.4711.", the PID namespace and the PID
// there. Agents in containers may share a hierarchy, and the PID of one means nothing to another.
std::string prefix()
{
    struct stat ns {};
    (void)::stat("/proc/self/ns/pid", &ns);
    return std::string{family} + std::to_string(ns.st_ino) + ".";
}

CgroupSystem& system_calls()
{
    static CgroupSystem real;
    return real;
}

bool put(const std::string& file, const std::string& text) { return system_calls().write(file, text); }

void kill_in(const std::string& folder)
{
    if (put(folder + "/cgroup.kill", "1")) return;
    std::istringstream pids{system_calls().read(folder + "/cgroup.procs")};
    for (pid_t pid = 0; pids >> pid;)
        if (pid > 0) ::kill(pid, SIGKILL);
}

std::string probe_name() { return prefix() + std::to_string(::getpid()) + ".probe"; }

// Our own folder in a v1 hierarchy, when we may make folders there.
std::string v1_folder(CgroupSystem& system, const std::string& controller)
{
    std::string folder = own_cgroup(system, controller);
    if (folder.empty() || !system.make(folder + "/" + probe_name())) return {};
    system.remove(folder + "/" + probe_name());
    return folder;
}

void end_leftovers(const std::string& folder)
{
    std::error_code error;
    const std::string ours = prefix();
    for (fs::directory_iterator it{folder, error}, end; !error && it != end; it.increment(error)) {
        const std::string name = it->path().filename().string();
        if (!name.starts_with(family)) continue;
        // Nothing of another agent is killed, because it may be alive. Only its empty folders are removed.
        if (!name.starts_with(ours)) {
            std::error_code ignored;
            const auto made = fs::last_write_time(it->path(), ignored);
            if (!ignored && fs::file_time_type::clock::now() - made > abandoned_after)
                ::rmdir(it->path().c_str());
            continue;
        }
        pid_t owner = 0;
        std::from_chars(name.data() + ours.size(), name.data() + name.size(), owner);
        if (owner <= 0 || ::kill(owner, 0) == 0 || errno != ESRCH) continue;
        kill_in(it->path().string());
        ::rmdir(
            it->path().c_str()); // folders with processes that are still ending are removed at the next start
    }
}

} // namespace

Cgroup& Cgroup::operator=(Cgroup&& other) noexcept
{
    if (this != &other) {
        remove();
        unified_ = std::exchange(other.unified_, {});
        v1_ = std::exchange(other.v1_, {});
        processes_ = other.processes_;
        memory_ = other.memory_;
    }
    return *this;
}

std::vector<std::string> Cgroup::tasks() const
{
    std::vector<std::string> files;
    // Not cgroup.procs: a move of a whole process takes a lock of the whole system and waits for an RCU grace
    // period, 5 to 20 ms. A thread that moves itself does not, and the helper's child has one thread only.
    for (const std::string& folder : v1_) files.push_back(folder + "/tasks");
    return files;
}

void Cgroup::kill() const
{
    if (!unified_.empty()) kill_in(unified_);
    for (const std::string& folder : v1_) kill_in(folder);
}

void Cgroup::remove()
{
    if (!unified_.empty()) v1_.push_back(unified_);
    for (const std::string& folder : v1_) {
        if (::rmdir(folder.c_str()) == 0 || errno != EBUSY) continue;
        kill_in(folder);
        ::rmdir(folder.c_str()); // still dying: end_leftovers() of a later start
    }
    unified_.clear();
    v1_.clear();
}

void Cgroups::open(const Limits& limits) { open(limits, system_calls()); }

void Cgroups::open(const Limits& limits, CgroupSystem& system)
{
    found_ = {};
    const CgroupPlace place =
        find_cgroup_place(system, probe_name(), limits.processes > 0, limits.memory > 0);
    found_.unified = place.folder;
    found_.unified_pids = place.pids;
    found_.unified_memory = place.memory;
    if (limits.processes > 0 && !found_.unified_pids) found_.pids = v1_folder(system, "pids");
    if (limits.memory > 0 && !found_.unified_memory) found_.memory = v1_folder(system, "memory");
    for (const std::string* folder : {&found_.unified, &found_.pids, &found_.memory})
        if (!folder->empty()) end_leftovers(*folder);
    const bool processes = limits.processes > 0 && !found_.unified_pids && found_.pids.empty();
    const bool memory = limits.memory > 0 && !found_.unified_memory && found_.memory.empty();
    if (processes)
        found_.problem = "limits.processes counts all processes of the command's user (and none of root's)";
    if (memory)
        found_.problem += std::string{found_.problem.empty() ? "" : "; "} +
                          "limits.memory holds for the data of each process, not for the command as a whole";
    if (!found_.problem.empty())
        found_.problem +=
            ": no cgroup can be used for it" + (place.problem.empty() ? "" : ", " + place.problem);
}

Cgroup Cgroups::make(const Limits& limits)
{
    Cgroup made;
    const std::string name = "/" + prefix() + std::to_string(::getpid()) + "." + std::to_string(++last_);
    const auto folder = [&](const std::string& parent) {
        return !parent.empty() && ::mkdir((parent + name).c_str(), 0755) == 0 ? parent + name : std::string{};
    };
    made.unified_ = folder(found_.unified);
    if (!made.unified_.empty()) {
        if (limits.processes > 0 && found_.unified_pids)
            made.processes_.v2 = put(made.unified_ + "/pids.max", std::to_string(limits.processes));
        if (limits.memory > 0 && found_.unified_memory)
            made.memory_.v2 = put(made.unified_ + "/memory.max", std::to_string(limits.memory));
    }
    if (limits.processes > 0 && !made.processes_.v2)
        if (std::string at = folder(found_.pids); !at.empty()) {
            made.processes_.v1 = put(at + "/pids.max", std::to_string(limits.processes));
            made.v1_.push_back(std::move(at));
        }
    if (limits.memory > 0 && !made.memory_.v2)
        if (std::string at = folder(found_.memory); !at.empty()) {
            made.memory_.v1 = put(at + "/memory.limit_in_bytes", std::to_string(limits.memory));
            made.v1_.push_back(std::move(at));
        }
    return made;
}

std::string Cgroups::describe() const
{
    std::string text;
    if (!found_.unified.empty())
        text += std::string{"v2"} + (found_.unified_pids ? " pids" : "") +
                (found_.unified_memory ? " memory" : "");
    if (!found_.pids.empty()) text += std::string{text.empty() ? "" : ", "} + "v1 pids";
    if (!found_.memory.empty()) text += std::string{text.empty() ? "" : ", "} + "v1 memory";
    return text.empty() ? "none" : text;
}

} // namespace agenthost::terminal
