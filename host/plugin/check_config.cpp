// Lets a plugin check its configuration (ext/check.h), in the runner program: a plugin that crashes or hangs
// there is reported like any other finding.
#include "check_config.hpp"

#include "library.hpp"

#include "base/fd.hpp"
#include "base/spawn.hpp"
#include "host/config/config.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "host/runner/check.hpp"

namespace agenthost::host {
namespace {

using runner::CheckReport;
using Clock = std::chrono::steady_clock;

constexpr std::size_t max_answer = 1 << 20;

// "limits.memory" -> "/limits/memory", "logs[0].path" -> "/logs/0/path"
std::string pointer_of(std::string_view key)
{
    std::string out = key.empty() ? "" : "/";
    for (const char c : key)
        if (c == '.' || c == '[')
            out += '/';
        else if (c != ']')
            out += c;
    return out;
}

ConfigFinding finding(const PluginConfig& config, const CheckReport& report)
{
    std::string key = report.key, text = report.text;
    // An error of create() has the whole path of the key: "plugins.storage.config.quota: ...".
    const std::string prefix = "plugins." + config.id + ".config";
    if (key.empty() && text.starts_with(prefix)) {
        const auto end = text.find(": ");
        if (end != std::string::npos && text.find(' ') > end) {
            key = text.substr(prefix.size(), end - prefix.size());
            if (key.starts_with('.')) key.erase(0, 1);
            text.erase(0, end + 2);
        }
    }
    const std::string pointer = pointer_of(key);
    return {report.warning, config_problem(config, pointer.empty() ? text : pointer + ": " + text)};
}

// Returns a descriptor from which `text` can be read.
base::Fd memory_file(const std::string& text)
{
    base::Fd fd{::memfd_create("config", MFD_CLOEXEC)};
    for (std::size_t at = 0; fd && at < text.size();) {
        const ssize_t n = ::write(fd.get(), text.data() + at, text.size() - at);
        if (n <= 0) return {};
        at += static_cast<std::size_t>(n);
    }
    if (fd) ::lseek(fd.get(), 0, SEEK_SET);
    return fd;
}

pid_t spawn(std::vector<std::string>& arguments, int in, int out)
{
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    base::SpawnActions actions;
    ::posix_spawn_file_actions_adddup2(&actions.raw, in, 0);
    ::posix_spawn_file_actions_adddup2(&actions.raw, out, 1);
    ::posix_spawn_file_actions_addopen(&actions.raw, 2, "/dev/null", O_WRONLY, 0);
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, argv[0], &actions.raw, nullptr, argv.data(), environ);
    errno = error;
    return error == 0 ? pid : -1;
}

// Reads to the end of the file. Returns false at the time `until`.
bool read_until(int fd, std::string& out, Clock::time_point until)
{
    char block[16 << 10];
    while (out.size() < max_answer) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
        pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
        if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) == 0) return false;
        const ssize_t n = ::read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return true;
        out.append(block, static_cast<std::size_t>(n));
    }
    return true;
}

// Returns a problem, or an empty string if the runner has answered.
std::string ask_runner(std::vector<std::string> arguments, const std::string& config,
                       std::chrono::milliseconds timeout, std::vector<CheckReport>& reports)
{
    int ends[2] = {-1, -1};
    base::Fd in = memory_file(config);
    if (!in || ::pipe2(ends, O_CLOEXEC) != 0)
        return std::string{"its check cannot be run: "} + std::strerror(errno);
    const base::Fd from{ends[0]};
    base::Fd to{ends[1]};
    const pid_t pid = spawn(arguments, in.get(), to.get());
    if (pid < 0) return "its check cannot be run: " + arguments[0] + ": " + std::strerror(errno);
    to.reset();
    std::string answer;
    const bool ended = read_until(from.get(), answer, Clock::now() + timeout);
    if (!ended) ::kill(pid, SIGKILL);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    if (!ended)
        return "its check did not end within " + std::to_string(timeout.count()) +
               " ms. Ask the plugin's author for a fix";
    if (runner::parse_reports(answer, reports)) return {};
    return std::string{"the plugin crashed while it checked its configuration"} +
           (WIFSIGNALED(status) ? std::string{" ("} + ::sigdescr_np(WTERMSIG(status)) + ")" : "") +
           ". Ask its author for a fix";
}

} // namespace

std::vector<ConfigFinding> check_plugin_config(const FoundPlugin& found, const PluginConfig& config,
                                               const Config& all, const std::string& runner)
{
    std::vector<CheckReport> reports;
    std::string failed;
    const std::string state = (all.state_dir / "plugins" / found.id).string();
    std::vector<std::string> listeners;
    for (const ListenerConfig& listener : all.listeners) listeners.push_back(listener.name);
    if (::access(runner.c_str(), X_OK) == 0) {
        std::vector<std::string> arguments{runner, "--check", found.library, state};
        arguments.insert(arguments.end(), listeners.begin(), listeners.end());
        failed = ask_runner(std::move(arguments), config.config_json,
                            std::chrono::milliseconds{found.manifest->create_timeout_ms}, reports);
    } else if (const agh_entry_v1* const entry = load_library(found.library, *found.manifest, failed)) {
        reports = runner::check_config(*entry, state, config.config_json, listeners);
    }
    std::vector<ConfigFinding> out;
    for (const CheckReport& report : reports) out.push_back(finding(config, report));
    if (!failed.empty()) out.push_back({false, config_problem(config, failed)});
    return out;
}

} // namespace agenthost::host
