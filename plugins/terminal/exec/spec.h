/* The interface between the plugin and its helper terminal-exec, one process per command.
 *
 * The plugin starts the helper by posix_spawn with the command's own 0, 1, 2, a SOCK_SEQPACKET on `terminal_exec_control` and this
 * specification in a memfd on `terminal_exec_spec_fd`. Nothing of it is in the helper's arguments or environment: a caller's
 * variables never reach a process that may be root. Both sides come from one build, so the layout is the compiler's. */
#ifndef AGENTHOST_TERMINAL_EXEC_SPEC_H
#define AGENTHOST_TERMINAL_EXEC_SPEC_H

#include <stdint.h>

enum { terminal_exec_control = 3, terminal_exec_spec_fd = 4 };
enum { terminal_exec_magic = 0x61677834 };
enum {
    terminal_exec_pty = 1u,     /* 0 is a terminal's slave: make it the controlling one */
    terminal_exec_user = 2u,    /* become uid, gid, groups */
    terminal_exec_cgroup2 = 4u, /* the first cgroup is a folder of a v2 hierarchy: be born in it */
    terminal_exec_resolved =
        8u, /* the program's path was admitted because it has no symbolic link in it: refuse one */
    terminal_exec_group_processes =
        16u, /* the cgroups limit processes: the limit here is for a command outside of them */
    terminal_exec_group_memory = 32u, /* likewise for memory */
};

/* In the memfd: this, `groups` uint32_t, then NUL-terminated strings: cwd, program, argc arguments, envc variables, `cgroups`
 * paths (a v2 folder first when flagged; then `tasks` files of v1). A limit of 0 leaves what is inherited. `memory` limits a
 * process's data segment: private writable memory that is really mapped for use. The address space would stop programs that only
 * reserve much of it (node, Go, Java). */
struct terminal_exec_spec {
    uint32_t magic, flags, uid, gid, groups, argc, envc, cgroups;
    uint64_t processes, memory, cpu_seconds, open_files;
};

/* Plugin -> helper. */
enum {
    terminal_exec_signal_group = 1, /* to the command's process group, while the command lives */
    terminal_exec_signal_all = 2,   /* to every descendant */
    terminal_exec_kill = 3,         /* SIGKILL to every descendant until none is left */
};
struct terminal_exec_order {
    uint32_t kind;
    int32_t signal;
};

/* Helper -> plugin, in this order: failed; or started, exited, gone. */
enum {
    terminal_exec_failed = 1, /* value: errno, stage: at what */
    terminal_exec_started =
        2, /* value: the command's pid; stage: 1 when it could not be put into its v2 cgroup */
    terminal_exec_exited = 3, /* value: its wait status */
    terminal_exec_gone = 4,   /* no descendant is left; usage of all of them */
};
enum {
    stage_spec = 1,
    stage_fork,
    stage_session,
    stage_terminal,
    stage_cgroup,
    stage_limits,
    stage_user,
    stage_folder,
    stage_exec
};
struct terminal_exec_event {
    uint32_t kind;
    int32_t value;
    uint32_t stage, reserved;
    uint64_t user_us, system_us, peak_rss_kib;
};

#endif
