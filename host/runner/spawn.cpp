#include "spawn.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/spawn.hpp"

namespace agenthost::host::runner {

namespace {

bool goes_along(std::string_view variable)
{
    constexpr std::array names{"PATH=",
                               "HOME=",
                               "USER=",
                               "LANG=",
                               "LC_",
                               "TZ=",
                               "TMPDIR=",
                               "SSL_CERT_FILE=",
                               "SSL_CERT_DIR=",
                               "ASAN_OPTIONS=",
                               "UBSAN_OPTIONS=",
                               "LSAN_OPTIONS=",
                               "TSAN_OPTIONS=",
                               "LD_LIBRARY_PATH="};
    for (const std::string_view name : names) {
        if (variable.starts_with(name)) return true;
    }
    return false;
}

std::vector<char*> environment()
{
    std::vector<char*> out;
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
        if (goes_along(*variable)) out.push_back(*variable);
    }
    out.push_back(nullptr);
    return out;
}

} // namespace

pid_t spawn_runner(const std::string& program, int socket, std::string& why)
{
    base::SpawnActions actions;
    ::posix_spawn_file_actions_addopen(&actions.raw, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions.raw, 1, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions.raw, socket, runner_socket);
    ::posix_spawn_file_actions_addclosefrom_np(&actions.raw, runner_socket + 1);

    base::SpawnAttributes attributes;
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes.raw, &none);
    ::posix_spawnattr_setsigdefault(&attributes.raw, &all);
    // Own process group: a Ctrl-C on our terminal must not reach the runner.
    ::posix_spawnattr_setpgroup(&attributes.raw, 0);
    ::posix_spawnattr_setflags(&attributes.raw,
                               POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

    std::string name = program;
    std::array<char*, 2> argv{name.data(), nullptr};
    std::vector<char*> env = environment();
    pid_t pid = -1;
    const int error =
        ::posix_spawn(&pid, program.c_str(), &actions.raw, &attributes.raw, argv.data(), env.data());
    if (error == 0) return pid;
    why = "cannot start the runner " + program + ": " + std::strerror(error) +
          (error == ENOENT || error == EACCES
               ? ". Reinstall agenthost: agenthost-runner must be in its lib/agenthost."
               : ".");
    return -1;
}

std::string reap(pid_t pid, int grace_ms)
{
    // A pidfd, to wait with a timeout; the pid cannot be reused before we have reaped it.
    const base::Fd handle{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    pollfd ended{.fd = handle.get(), .events = POLLIN, .revents = 0};
    if (!handle || ::poll(&ended, 1, grace_ms) <= 0) ::kill(pid, SIGKILL);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) return "its exit status was collected elsewhere";
    }
    if (WIFSIGNALED(status)) {
        return "signal " + std::to_string(WTERMSIG(status)) + " (" + ::sigdescr_np(WTERMSIG(status)) + ")";
    }
    return "exit code " + std::to_string(WEXITSTATUS(status));
}

} // namespace agenthost::host::runner
