#include "process.hpp"

#include "base/spawn.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace agenthost::terminal {

namespace {

constexpr int pipe_size = 256 << 10; // fewer wake-ups than with the default of 64 KiB; best effort

[[noreturn]] void cannot(const char* what)
{
    throw std::runtime_error{
        std::string{"cannot "} + what + ": " + std::strerror(errno) +
        (errno == EMFILE || errno == ENFILE ? ". Raise LimitNOFILE of the service" : "")};
}

// Above the helper's descriptor numbers, because dup2 there must not replace one of these.
base::Fd high(int fd)
{
    const base::Fd low{fd};
    if (!low) return {};
    return base::Fd{::fcntl(low.get(), F_DUPFD_CLOEXEC, 10)};
}

struct Ends {
    base::Fd ours, theirs;
};

Ends make_pipe(bool we_read)
{
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) cannot("make a pipe");
    Ends ends{base::Fd{fds[we_read ? 0 : 1]}, high(fds[we_read ? 1 : 0])};
    if (!ends.theirs) cannot("make a pipe");
    ::fcntl(ends.ours.get(), F_SETPIPE_SZ, pipe_size);
    ::fcntl(ends.ours.get(), F_SETFL, O_NONBLOCK);
    return ends;
}

Ends make_pty(Size size, const User& user)
{
    Ends ends;
    ends.ours.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    if (!ends.ours || ::grantpt(ends.ours.get()) != 0 || ::unlockpt(ends.ours.get()) != 0)
        cannot("make a PTY");
    ends.theirs = high(::ioctl(ends.ours.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!ends.theirs) cannot("open the PTY's other end");
    const winsize window{.ws_row = size.rows, .ws_col = size.columns, .ws_xpixel = 0, .ws_ypixel = 0};
    ::ioctl(ends.ours.get(), TIOCSWINSZ, &window);
    termios modes{};
    if (::tcgetattr(ends.theirs.get(), &modes) == 0) {
        modes.c_iflag |= IUTF8; // erasing a character erases all of its bytes
        ::tcsetattr(ends.theirs.get(), TCSANOW, &modes);
    }
    if (user.change && ::fchown(ends.theirs.get(), user.uid, static_cast<gid_t>(-1)) != 0)
        cannot("give the PTY to its user");
    return ends;
}

base::Fd make_spec(const Launch& launch, const Cgroup& cgroup, bool pty)
{
    const auto tasks = cgroup.tasks();
    const bool unified = !cgroup.unified().empty();
    const Limits& limits = launch.limits;
    const auto flag = [](auto value) { return static_cast<std::uint32_t>(value); };
    terminal_exec_spec head{
        .magic = terminal_exec_magic,
        .flags = (pty ? flag(terminal_exec_pty) : 0) | (launch.user.change ? flag(terminal_exec_user) : 0) |
                 (unified ? flag(terminal_exec_cgroup2) : 0) |
                 (launch.what.resolved ? flag(terminal_exec_resolved) : 0) |
                 (cgroup.processes().v2 ? flag(terminal_exec_group_processes) : 0) |
                 (cgroup.memory().v2 ? flag(terminal_exec_group_memory) : 0),
        .uid = launch.user.uid,
        .gid = launch.user.gid,
        .groups = static_cast<std::uint32_t>(launch.user.groups.size()),
        .argc = static_cast<std::uint32_t>(launch.what.argv.size()),
        .envc = static_cast<std::uint32_t>(launch.what.env.size()),
        .cgroups = static_cast<std::uint32_t>(tasks.size() + (unified ? 1 : 0)),
        .processes = cgroup.processes().v1 || (limits.processes_by_default && !launch.user.change)
                         ? 0
                         : limits.processes,
        .memory = cgroup.memory().v1 ? 0 : limits.memory,
        .cpu_seconds = limits.cpu_seconds,
        .open_files = limits.open_files};
    std::string text{reinterpret_cast<const char*>(&head), sizeof head};
    text.append(reinterpret_cast<const char*>(launch.user.groups.data()),
                launch.user.groups.size() * sizeof(gid_t));
    const auto add = [&](const std::string& s) { text.append(s.c_str(), s.size() + 1); };
    add(launch.what.cwd);
    add(launch.what.program);
    for (const auto& argument : launch.what.argv) add(argument);
    for (const auto& variable : launch.what.env) add(variable);
    if (unified) add(cgroup.unified());
    for (const auto& file : tasks) add(file);
    base::Fd fd = high(::memfd_create("command", MFD_CLOEXEC));
    if (!fd) cannot("make a memfd");
    for (std::size_t done = 0; done < text.size();) {
        const ::ssize_t n = ::write(fd.get(), text.data() + done, text.size() - done);
        if (n <= 0) cannot("write a memfd");
        done += static_cast<std::size_t>(n);
    }
    return fd;
}

} // namespace

Process::Process(const Launch& launch, Cgroup cgroup)
    : pty_{launch.pty.has_value()}, cgroup_{std::move(cgroup)}
{
    Ends terminal, stdin_pipe, stdout_pipe, stderr_pipe;
    if (pty_)
        terminal = make_pty(*launch.pty, launch.user);
    else {
        stdout_pipe = make_pipe(true);
        stderr_pipe = make_pipe(true);
        if (launch.input)
            stdin_pipe = make_pipe(false);
        else if (!(stdin_pipe.theirs = high(::open("/dev/null", O_RDONLY | O_CLOEXEC))))
            cannot("open /dev/null");
        if (launch.user
                .change) // so that the command can open /dev/stdout, as it can where a shell made the pipe
            for (const Ends* ends : {&stdout_pipe, &stderr_pipe, &stdin_pipe})
                if (ends->ours) (void)!::fchown(ends->theirs.get(), launch.user.uid, static_cast<gid_t>(-1));
    }
    int sockets[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) cannot("make a socket pair");
    control_.reset(sockets[0]);
    const base::Fd theirs = high(sockets[1]);
    if (!theirs) cannot("make a socket pair");
    ::fcntl(control_.get(), F_SETFL, O_NONBLOCK);
    if (pty_)
        spawn(launch, terminal.theirs.get(), terminal.theirs.get(), terminal.theirs.get(), theirs.get());
    else
        spawn(launch, stdin_pipe.theirs.get(), stdout_pipe.theirs.get(), stderr_pipe.theirs.get(),
              theirs.get());
    out = std::move(pty_ ? terminal.ours : stdout_pipe.ours);
    err = std::move(stderr_pipe.ours);
    in = std::move(stdin_pipe.ours);
}

void Process::spawn(const Launch& launch, int in_fd, int out_fd, int err_fd, int control)
{
    const base::Fd spec = make_spec(launch, cgroup_, pty_);
    base::SpawnActions actions;
    ::posix_spawn_file_actions_adddup2(&actions.raw, in_fd, 0);
    ::posix_spawn_file_actions_adddup2(&actions.raw, out_fd, 1);
    ::posix_spawn_file_actions_adddup2(&actions.raw, err_fd, 2);
    ::posix_spawn_file_actions_adddup2(&actions.raw, control, terminal_exec_control);
    ::posix_spawn_file_actions_adddup2(&actions.raw, spec.get(), terminal_exec_spec_fd);
    // In case other code in this process leaked descriptors.
    ::posix_spawn_file_actions_addclosefrom_np(&actions.raw, terminal_exec_spec_fd + 1);
    base::SpawnAttributes attributes;
    sigset_t all;
    ::sigfillset(&all);
    // The helper blocks all signals from its first instruction.
    ::posix_spawnattr_setsigmask(&attributes.raw, &all);
    ::posix_spawnattr_setsigdefault(&attributes.raw, &all);
    // Its own group, so that it gets no signal sent to the daemon's group; not a session, which the scheduler
    // may treat as another user.
    ::posix_spawnattr_setpgroup(&attributes.raw, 0);
    ::posix_spawnattr_setflags(&attributes.raw,
                               POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    std::string name = launch.helper;
    std::array<char*, 2> argv{name.data(), nullptr};
    std::array<char*, 1> envp{nullptr};
    const int error = ::posix_spawn(&helper_, launch.helper.c_str(), &actions.raw, &attributes.raw,
                                    argv.data(), envp.data());
    if (error != 0) {
        helper_ = -1;
        throw std::runtime_error{"cannot start " + launch.helper + ": " + std::strerror(error) +
                                 (error == ENOENT || error == EACCES
                                      ? ". Reinstall the terminal plugin: it belongs beside terminal.so"
                                  : error == EAGAIN || error == ENOMEM
                                      ? ". This machine is out of processes or memory"
                                      : "")};
    }
    pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, helper_, 0)));
    if (!pidfd_) {
        const int why = errno;
        ::kill(helper_, SIGKILL);
        while (::waitpid(helper_, nullptr, 0) < 0 && errno == EINTR) {}
        errno = why;
        cannot("get a pidfd (Linux 5.3 or later is needed)");
    }
}

Process::~Process()
{
    if (helper_ < 0) return;
    // Abandoned (the plugin stops, or the constructor's caller failed): our end of the socket closes, and the
    // helper ends everything.
    cgroup_.kill();
    control_.reset();
    pollfd ended{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    ::poll(&ended, 1, 3'000); // longer only when a process is stuck in the kernel
    ::waitpid(helper_, nullptr, WNOHANG);
}

Process::Report Process::on_control()
{
    Report report;
    terminal_exec_event event;
    while (::recv(control_.get(), &event, sizeof event, MSG_DONTWAIT) ==
           static_cast<::ssize_t>(sizeof event)) {
        switch (event.kind) {
        case terminal_exec_failed:
            report.failed = true;
            report.error = event.value;
            report.stage = static_cast<int>(event.stage);
            break;
        case terminal_exec_started:
            report.started = true;
            report.outside = event.stage != 0;
            pid_ = event.value;
            break;
        case terminal_exec_exited:
            report.exited = true;
            status_ = event.value;
            usage_ = {event.user_us, event.system_us, event.peak_rss_kib};
            break;
        case terminal_exec_gone:
            report.gone = gone_ = true;
            usage_ = {event.user_us, event.system_us, event.peak_rss_kib};
            break;
        default: break;
        }
    }
    return report;
}

bool Process::on_pidfd()
{
    if (helper_ < 0) return true;
    int status = 0;
    const pid_t reaped = ::waitpid(helper_, &status, WNOHANG);
    if (reaped == 0) return false;
    helper_ = -1;
    // Killed by the command or by the kernel's memory killer: the command itself died with it
    // (PR_SET_PDEATHSIG). Its session and cgroup go now; a descendant that left the session, without a
    // cgroup, is out of reach (see GUIDE.md).
    if (!gone_ && pid_ > 0 && !status_) status_ = SIGKILL;
    if (!gone_ && pid_ > 0) ::kill(-pid_, SIGKILL);
    if (!gone_) cgroup_.kill();
    return true;
}

void Process::order(std::uint32_t kind, int sig)
{
    const terminal_exec_order text{.kind = kind, .signal = sig};
    // Ignore a helper that is gone.
    (void)!::send(control_.get(), &text, sizeof text, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void Process::interrupt()
{
    if (pty_ && pid_ > 0) {
        // Line discipline and job control decide which group is in the foreground; a shell at its prompt gets
        // the signal itself.
        if (::ioctl(out.get(), TIOCSIG, SIGINT) == 0) return;
    }
    order(terminal_exec_signal_group, SIGINT);
}

void Process::signal_all(int sig) { order(terminal_exec_signal_all, sig); }

void Process::kill()
{
    cgroup_.kill();
    order(terminal_exec_kill, SIGKILL);
}

void Process::resize(Size size)
{
    const winsize window{.ws_row = size.rows, .ws_col = size.columns, .ws_xpixel = 0, .ws_ypixel = 0};
    if (pty_) ::ioctl(out.get(), TIOCSWINSZ, &window);
}

std::string failure(int stage, int error, const Admitted& what, const User& user)
{
    const std::string words = std::strerror(error);
    switch (stage) {
    case stage_folder: return "cannot enter " + what.cwd + " as " + user.name + ": " + words;
    case stage_user: return "cannot become user " + user.name + ": " + words;
    case stage_limits: return "cannot set the limits: " + words + ". Check plugins.terminal.config.limits";
    case stage_cgroup:
        return "cannot join the cgroup: " + words + ". Set plugins.terminal.config.cgroup to off";
    case stage_exec:
        return "cannot execute " + what.program + " as " + user.name + ": " + words +
               (error == EAGAIN  ? ". The user has as many processes as limits.processes allows"
                : error == ELOOP ? ". A symbolic link has replaced a part of the path since it was checked"
                                 : "");
    default: return "cannot start the command: " + words;
    }
}

} // namespace agenthost::terminal
