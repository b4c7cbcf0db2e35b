#include "cgroup.hpp"

#include <kit/fd.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace agenthost::terminal {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view family = "agenthost-terminal.";
constexpr auto abandoned_after = std::chrono::minutes{10};

// A folder is named after its agent: "agenthost-terminal.4026531836.4711.", the PID namespace and the PID there. Agents in containers may
// share a hierarchy, and the PID of one means nothing to another.
std::string prefix()
{
    struct stat ns {};
    (void)::stat("/proc/self/ns/pid", &ns);
    return std::string{family} + std::to_string(ns.st_ino) + ".";
}

bool put(const std::string& file, const std::string& text)
{
    const kit::Fd fd{::open(file.c_str(), O_WRONLY | O_CLOEXEC)};
    return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<::ssize_t>(text.size());
}

std::string get(const std::string& file)
{
    std::ifstream in{file};
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

bool has_word(const std::string& text, const std::string& word)
{
    std::istringstream in{text};
    for (std::string one; in >> one;)
        if (one == word) return true;
    return false;
}

void kill_in(const std::string& folder)
{
    if (put(folder + "/cgroup.kill", "1")) return;
    std::istringstream pids{get(folder + "/cgroup.procs")};
    for (pid_t pid = 0; pids >> pid;)
        if (pid > 0) ::kill(pid, SIGKILL);
}

// Where a hierarchy is mounted: `controller` empty means v2.
std::string mount_of(const std::string& controller)
{
    std::ifstream mounts{"/proc/self/mounts"};
    for (std::string device, point, type, options, rest;
         mounts >> device >> point >> type >> options && std::getline(mounts, rest);)
        if (controller.empty()
                ? type == "cgroup2"
                : type == "cgroup" && ("," + options + ",").find("," + controller + ",") != std::string::npos)
            return point;
    return {};
}

// Our own folder in a hierarchy, when we may make folders there.
std::string own_folder(const std::string& controller)
{
    const std::string mount = mount_of(controller);
    if (mount.empty()) return {};
    std::ifstream groups{"/proc/self/cgroup"};
    for (std::string line; std::getline(groups, line);) {
        const auto first = line.find(':'), second = line.find(':', first + 1);
        if (second == line.npos) continue;
        const std::string names = line.substr(first + 1, second - first - 1);
        if (controller.empty() ? !names.empty()
                               : ("," + names + ",").find("," + controller + ",") == names.npos)
            continue;
        std::string folder = mount + line.substr(second + 1);
        while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
        const std::string probe = folder + "/" + prefix() + std::to_string(::getpid()) + ".probe";
        if (::mkdir(probe.c_str(), 0755) != 0) return {};
        ::rmdir(probe.c_str());
        return folder;
    }
    return {};
}

void end_leftovers(const std::string& folder)
{
    std::error_code error;
    const std::string ours = prefix();
    for (fs::directory_iterator it{folder, error}, end; !error && it != end; it.increment(error)) {
        const std::string name = it->path().filename().string();
        if (!name.starts_with(family)) continue;
        if (!name.starts_with(
                ours)) { // nothing of it is killed: whether its agent lives cannot be known. Empty ones do not pile up
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
        ::rmdir(it->path().c_str()); // what is still dying is for the next start
    }
}

} // namespace

Cgroup& Cgroup::operator=(Cgroup&& other) noexcept
{
    if (this != &other) {
        remove();
        unified_ = std::exchange(other.unified_, {});
        v1_ = std::exchange(other.v1_, {});
        limits_processes_ = other.limits_processes_;
        limits_memory_ = other.limits_memory_;
    }
    return *this;
}

std::vector<std::string> Cgroup::tasks() const
{
    std::vector<std::string> files;
    // Not cgroup.procs: a move of a whole process takes a lock of the whole system and waits for an RCU grace period, 5 to 20 ms. A
    // thread that moves itself does not, and the helper's child has one thread only.
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

void Cgroups::open(const Limits& limits)
{
    *this = {};
    unified_ = own_folder("");
    if (!unified_.empty()) {
        end_leftovers(unified_);
        const std::string control = unified_ + "/cgroup.subtree_control";
        for (const auto& [word, has] : {std::pair{"pids", &unified_pids_}, {"memory", &unified_memory_}})
            *has = has_word(get(control), word) || (has_word(get(unified_ + "/cgroup.controllers"), word) &&
                                                    put(control, std::string{"+"} + word));
    }
    if (limits.processes > 0 && !unified_pids_) pids_ = own_folder("pids");
    if (limits.memory > 0 && !unified_memory_) memory_ = own_folder("memory");
    for (const std::string* folder : {&pids_, &memory_})
        if (!folder->empty()) end_leftovers(*folder);
}

Cgroup Cgroups::make(const Limits& limits)
{
    Cgroup made;
    const std::string name = "/" + prefix() + std::to_string(::getpid()) + "." + std::to_string(++last_);
    const auto folder = [&](const std::string& parent) {
        return !parent.empty() && ::mkdir((parent + name).c_str(), 0755) == 0 ? parent + name : std::string{};
    };
    made.unified_ = folder(unified_);
    if (!made.unified_.empty()) {
        if (limits.processes > 0 && unified_pids_)
            made.limits_processes_ = put(made.unified_ + "/pids.max", std::to_string(limits.processes));
        if (limits.memory > 0 && unified_memory_)
            made.limits_memory_ = put(made.unified_ + "/memory.max", std::to_string(limits.memory));
    }
    if (limits.processes > 0 && !made.limits_processes_)
        if (std::string at = folder(pids_); !at.empty()) {
            made.limits_processes_ = put(at + "/pids.max", std::to_string(limits.processes));
            made.v1_.push_back(std::move(at));
        }
    if (limits.memory > 0 && !made.limits_memory_)
        if (std::string at = folder(memory_); !at.empty()) {
            made.limits_memory_ = put(at + "/memory.limit_in_bytes", std::to_string(limits.memory));
            made.v1_.push_back(std::move(at));
        }
    return made;
}

std::string Cgroups::describe() const
{
    std::string text;
    if (!unified_.empty())
        text += std::string{"v2"} + (unified_pids_ ? " pids" : "") + (unified_memory_ ? " memory" : "");
    if (!pids_.empty()) text += std::string{text.empty() ? "" : ", "} + "v1 pids";
    if (!memory_.empty()) text += std::string{text.empty() ? "" : ", "} + "v1 memory";
    return text.empty() ? "none" : text;
}

} // namespace agenthost::terminal
