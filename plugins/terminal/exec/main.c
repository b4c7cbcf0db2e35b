/* terminal-exec: starts one command and stays until the last of its descendants has ended.
 *
* Why a separate process: the host has threads, and almost nothing is safe between fork and exec of a threaded process; this
 * process has one thread. It is also the reaper: as a child subreaper it inherits every orphaned
 * descendant, even one that has left session and group, so "no child left" (ECHILD) proves that all
 * are gone. When the plugin's end of the socket closes (the agent died), everything is killed at once.
 *
 * Static, no C++, no allocation beyond the start: its start is part of every command's. All signals are blocked here: a SIGTERM to
 * the whole unit is the daemon's to answer. */
#define _GNU_SOURCE
#include "spec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct plan {
    struct terminal_exec_spec spec;
    const gid_t *groups;
    const char *cwd, *program;
    char **argv, **envp, **cgroups;
};

static void tell(uint32_t kind, int32_t value, uint32_t stage, const struct rusage *usage)
{
    struct terminal_exec_event event = {.kind = kind, .value = value, .stage = stage};
    if (usage) {
        event.user_us = (uint64_t)usage->ru_utime.tv_sec * 1000000 + (uint64_t)usage->ru_utime.tv_usec;
        event.system_us = (uint64_t)usage->ru_stime.tv_sec * 1000000 + (uint64_t)usage->ru_stime.tv_usec;
        event.peak_rss_kib = (uint64_t)usage->ru_maxrss;
    }
    while (send(terminal_exec_control, &event, sizeof event, MSG_NOSIGNAL) < 0 && errno == EINTR) {}
}

static void give_up(uint32_t stage, int error)
{
    tell(terminal_exec_failed, error, stage, NULL);
    _exit(1);
}

/* `count` strings from `*at` on, NULL-terminated; NULL when the text ends before. */
static char **strings(char **at, const char *end, uint32_t count)
{
    char **list = calloc((size_t)count + 1, sizeof *list);
    for (uint32_t i = 0; list && i < count; ++i) {
        char *stop = memchr(*at, '\0', (size_t)(end - *at));
        if (!stop) return NULL;
        list[i] = *at;
        *at = stop + 1;
    }
    return list;
}

static void read_plan(struct plan *plan)
{
    struct stat st;
    if (fstat(terminal_exec_spec_fd, &st) != 0) give_up(stage_spec, errno);
    const size_t size = (size_t)st.st_size;
    char *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, terminal_exec_spec_fd, 0);
    if (data == MAP_FAILED || size < sizeof plan->spec) give_up(stage_spec, EINVAL);
    memcpy(&plan->spec, data, sizeof plan->spec);
    const struct terminal_exec_spec *spec = &plan->spec;
    const size_t head = sizeof *spec + (size_t)spec->groups * sizeof(gid_t);
    if (spec->magic != terminal_exec_magic || head > size) give_up(stage_spec, EINVAL);
    plan->groups = (const gid_t *)(data + sizeof *spec);
    char *at = data + head;
    char **two = strings(&at, data + size, 2);
    plan->argv = strings(&at, data + size, spec->argc);
    plan->envp = strings(&at, data + size, spec->envc);
    plan->cgroups = strings(&at, data + size, spec->cgroups);
    if (!two || !plan->argv || !plan->envp || !plan->cgroups) give_up(stage_spec, EINVAL);
    plan->cwd = two[0];
    plan->program = two[1];
    close(terminal_exec_spec_fd);
}

/* ---- the command's side of the fork ---- */

struct trouble {
    int32_t stage, error;
};

static void cannot(int report, int stage)
{
    const struct trouble trouble = {stage, errno};
    (void)!write(report, &trouble, sizeof trouble);
    _exit(127);
}

static int limit(int what, uint64_t max)
{
    struct rlimit now;
    if (max == 0) return 0;
    if (getrlimit((__rlimit_resource_t)what, &now) != 0) return -1;
    if (now.rlim_max == RLIM_INFINITY || max < now.rlim_max) now.rlim_max = max;
    now.rlim_cur = now.rlim_max;
    return setrlimit((__rlimit_resource_t)what, &now);
}

/* Executes a path that was admitted because no symbolic link is in it. Its folder is opened once and must still have that very
 * path; the program is then taken from the opened folder, where a link is refused. */
static void execute_resolved(const struct plan *plan)
{
    char folder[PATH_MAX], now[PATH_MAX], link[64];
    const char *name = strrchr(plan->program, '/') + 1;
    const size_t size = name - 1 == plan->program ? 1 : (size_t)(name - 1 - plan->program);
    if (size >= sizeof folder) {
        errno = ENAMETOOLONG;
        return;
    }
    memcpy(folder, plan->program, size);
    folder[size] = '\0';
    const int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, now, sizeof now);
    if (n < 0) return;
    if ((size_t)n != size || memcmp(now, folder, size) != 0) {
        errno = ELOOP;
        return;
    }
    syscall(SYS_execveat, fd, name, plan->argv, plan->envp, AT_SYMLINK_NOFOLLOW);
    /* A script: its interpreter could not open it through a descriptor that is closed by then, and it reads its own path. */
    if (errno == ENOENT) execve(plan->program, plan->argv, plan->envp);
}

static void become(const struct plan *plan, pid_t helper, int report, int in_group)
{
    const struct terminal_exec_spec *spec = &plan->spec;
    if (setsid() < 0) cannot(report, stage_session);
    const int group_processes = in_group && (spec->flags & terminal_exec_group_processes);
    const int group_memory = in_group && (spec->flags & terminal_exec_group_memory);
    for (uint32_t i = (spec->flags & terminal_exec_cgroup2) ? 1 : 0; i < spec->cgroups; ++i) {
        const int fd = open(plan->cgroups[i], O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, "0", 1) != 1) cannot(report, stage_cgroup);
        close(fd);
    }
    if ((spec->flags & terminal_exec_pty) && ioctl(0, TIOCSCTTY, 0) != 0) cannot(report, stage_terminal);
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    if (limit(RLIMIT_NPROC, group_processes ? 0 : spec->processes) ||
        limit(RLIMIT_DATA, group_memory ? 0 : spec->memory) ||
        limit(RLIMIT_CPU, spec->cpu_seconds) || limit(RLIMIT_NOFILE, spec->open_files))
        cannot(report, stage_limits);
    if (spec->flags & terminal_exec_user) {
        if (setgroups(spec->groups, plan->groups) || setresgid(spec->gid, spec->gid, spec->gid) ||
            setresuid(spec->uid, spec->uid, spec->uid))
            cannot(report, stage_user);
    }
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* else a unit's AmbientCapabilities are the command's */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) cannot(report, stage_user);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the change of user, which clears it */
    if (getppid() != helper) _exit(127);
    umask(022);
    if (chdir(plan->cwd) != 0) cannot(report, stage_folder);
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC); /* all of ours are O_CLOEXEC already: a second lock on the door */
    /* glibc's posix_spawn leaves its two internal signals ignored, and its functions do not let anyone touch them. */
    const char standard[64] = {0}; /* the kernel's struct sigaction: SIG_DFL, no flags, no mask */
    for (int signal = 32; signal <= 33; ++signal) syscall(SYS_rt_sigaction, signal, standard, NULL, (size_t)8);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (spec->flags & terminal_exec_resolved)
        execute_resolved(plan);
    else
        execve(plan->program, plan->argv, plan->envp);
    cannot(report, stage_exec);
}

struct clone3_args { /* linux/sched.h, up to what CLONE_INTO_CGROUP needs (5.7) */
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

/* fork(), right into the v2 cgroup when there is one: moving later costs a system-wide lock and a millisecond. `in_group`: whether
 * all its cgroups hold it; when not, its limits are rlimits and the plugin is told. */
static pid_t start(const struct plan *plan, int *in_group)
{
    *in_group = 1;
    if (plan->spec.flags & terminal_exec_cgroup2) {
        const int fd = open(plan->cgroups[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0) {
            struct clone3_args args = {.flags = 0x200000000ull, .exit_signal = SIGCHLD, .cgroup = (uint64_t)fd};
            const pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
            if (pid >= 0) {
                close(fd);
                return pid;
            }
            close(fd); /* not permitted after all: the cgroup is a second means, the subreaper the first */
        }
        *in_group = 0;
    }
    return fork();
}

/* ---- our side: the descendants ---- */

struct process {
    pid_t pid, parent;
    unsigned long long started; /* ticks since boot: with the pid it names one process for ever */
    int ours;
};
enum { max_processes = 32768 };
static struct process table[max_processes];
static size_t table_size;

static int read_process(pid_t pid, struct process *out)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    const ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return -1;
    text[n] = '\0';
    const char *rest = strrchr(text, ')'); /* the name before it may hold anything */
    char state;
    int parent;
    unsigned long long started;
    if (!rest || sscanf(rest + 1,
                        " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                        &state, &parent, &started) != 3)
        return -1;
    *out = (struct process){.pid = pid, .parent = parent, .started = started, .ours = 0};
    return 0;
}

static void look(void)
{
    table_size = 0;
    DIR *proc = opendir("/proc");
    if (!proc) return;
    for (struct dirent *entry; table_size < max_processes && (entry = readdir(proc));) {
        char *end;
        const long pid = strtol(entry->d_name, &end, 10);
        if (*end == '\0' && pid > 0 && read_process((pid_t)pid, &table[table_size]) == 0) ++table_size;
    }
    closedir(proc);
    const pid_t self = getpid();
    for (int more = 1; more;) {
        more = 0;
        for (size_t i = 0; i < table_size; ++i) {
            if (table[i].ours) continue;
            int ours = table[i].parent == self;
            for (size_t j = 0; !ours && j < table_size; ++j)
                ours = table[j].ours && table[j].pid == table[i].parent;
            if (ours) table[i].ours = more = 1;
        }
    }
}

/* By pidfd, and only if it is still the same process. */
static int signal_one(const struct process *process, int signal)
{
    const int fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    if (fd < 0) return -1;
    struct process now;
    int result = -1;
    if (read_process(process->pid, &now) == 0 && now.started == process->started)
        result = (int)syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0);
    close(fd);
    return result;
}

static size_t signal_all(int signal)
{
    size_t count = 0;
    look();
    for (size_t i = 0; i < table_size; ++i)
        if (table[i].ours && signal_one(&table[i], signal) == 0) ++count;
    return count;
}

/* Stops processes before killing them: a stopped process cannot fork, so a fork bomb cannot outrun us. */
static void kill_all(void)
{
    size_t before = 0;
    for (int round = 0; round < 8; ++round) {
        const size_t found = signal_all(SIGSTOP);
        if (found <= 1 || found == before) break;
        before = found;
    }
    signal_all(SIGKILL);
}

struct state {
    pid_t command;   /* 0: reaped */
    int killing;     /* the command has ended, or was to be killed, or nobody is left to ask */
};

/* Nonzero: no child is left. */
static int reap(struct state *state)
{
    for (;;) {
        int status;
        struct rusage usage;
        const pid_t pid = wait4(-1, &status, WNOHANG, &usage);
        if (pid == 0) return 0;
        if (pid < 0) {
            if (errno == EINTR) continue;
            return 1;
        }
        if (pid == state->command) {
            state->command = 0;
            state->killing = 1;
            tell(terminal_exec_exited, status, 0, &usage);
        }
    }
}

static void obey(struct state *state)
{
    struct terminal_exec_order order;
    const ssize_t n = recv(terminal_exec_control, &order, sizeof order, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n != (ssize_t)sizeof order) {
        state->killing = 1; /* the agent is gone */
        return;
    }
    if (order.kind == terminal_exec_signal_group && state->command > 0) {
        kill(-state->command, order.signal);
        kill(-state->command, SIGCONT); /* a stopped one hears nothing */
    } else if (order.kind == terminal_exec_signal_all) {
        signal_all(order.signal);
        signal_all(SIGCONT);
    } else if (order.kind == terminal_exec_kill)
        state->killing = 1;
}

static void stay(pid_t command, int children)
{
    struct state state = {.command = command, .killing = 0};
    struct pollfd fds[] = {{.fd = children, .events = POLLIN}, {.fd = terminal_exec_control, .events = POLLIN}};
    int kills = 0;
    while (!reap(&state)) {
        if (state.killing) {
            kill_all();
            ++kills;
            fds[1].fd = -1; /* a closed one would be ready for ever */
        }
        /* While killing look again soon: what was born meanwhile sends no SIGCHLD. A process stuck in the kernel is waited for. */
        if (poll(fds, 2, !state.killing ? -1 : kills < 20 ? 5 : 200) < 0 && errno != EINTR) _exit(1);
        if (fds[0].revents) {
            struct signalfd_siginfo info[16];
            (void)!read(children, info, sizeof info);
        }
        if (fds[1].fd >= 0 && fds[1].revents) obey(&state);
    }
}

int main(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    fcntl(terminal_exec_control, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_NAME, "terminal-exec");
    struct plan plan;
    read_plan(&plan);
    int report[2];
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    const int children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || children < 0 || nothing < 0 || pipe2(report, O_CLOEXEC) != 0)
        give_up(stage_fork, errno);
    const pid_t self = getpid();
    int in_group;
    const pid_t command = start(&plan, &in_group);
    if (command < 0) give_up(stage_fork, errno);
    if (command == 0) become(&plan, self, report[1], in_group);
    close(report[1]);
    /* The command's descriptors are not ours: a pipe or a terminal ends with its last process. */
    for (int fd = 0; fd < 3; ++fd) dup2(nothing, fd);
    if (chdir("/") != 0) {} /* keep no file system busy */
    struct trouble trouble;
    ssize_t n;
    while ((n = read(report[0], &trouble, sizeof trouble)) < 0 && errno == EINTR) {}
    close(report[0]);
    if (n == (ssize_t)sizeof trouble) {
        while (waitpid(command, NULL, 0) < 0 && errno == EINTR) {}
        give_up((uint32_t)trouble.stage, trouble.error);
    }
    tell(terminal_exec_started, command, in_group ? 0 : 1, NULL);
    stay(command, children);
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    tell(terminal_exec_gone, 0, 0, &usage);
    return 0;
}
