// A running command: its helper, its descriptors and the helper's messages. posix_spawn starts the helper
// (exec/main.c), which is safe in a process with threads. Loop thread; the owner watches control() and
// pidfd() and calls on_control() and on_pidfd() when they are readable.
//
// More than 25 members: each message to and from the helper is a function.
#pragma once

#include "cgroup.hpp"
#include "exec/spec.h"
#include "params.hpp"
#include "policy.hpp"

#include "base/fd.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace agenthost::terminal {

struct Launch {
    const Admitted& what;
    const User& user;
    const Limits& limits;
    std::optional<Size> pty;
    bool input = false; // a pipe for stdin; else /dev/null. A PTY always has input
    std::string helper;
};

struct Usage {
    std::uint64_t user_us = 0, system_us = 0, peak_rss_kib = 0;
};

class Process {
public:
    // Starts it. Throws std::runtime_error without descriptors, memory or helper: nothing was started.
    Process(const Launch&, Cgroup);
    ~Process(); // kills remaining processes and waits for them, with a timeout
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    [[nodiscard]] int control() const { return control_.get(); }
    [[nodiscard]] int pidfd() const { return pidfd_.get(); }
    base::Fd out, err, in; // ours, non-blocking; with a PTY `out` is its master and takes the input too
    [[nodiscard]] bool is_pty() const { return pty_; }

    struct Report {
        bool failed = false, started = false, exited = false, gone = false;
        bool outside = false;     // started, but not in its v2 cgroup: its limits are rlimits
        int error = 0, stage = 0; // failed
    };
    Report on_control(); // new messages
    bool on_pidfd();     // true: the helper is reaped, and all its messages were read

    void interrupt();         // SIGINT: to the terminal's foreground group, or to the command's group
    void signal_all(int sig); // to every descendant
    void kill();              // SIGKILL until none is left
    void resize(Size);

    [[nodiscard]] pid_t pid() const { return pid_; }                    // of the command; 0: not yet
    [[nodiscard]] std::optional<int> status() const { return status_; } // wait status
    [[nodiscard]] const Usage& usage() const { return usage_; }

private:
    void order(std::uint32_t kind, int sig);
    void spawn(const Launch&, int in, int out, int err, int control);
    bool pty_;
    Cgroup cgroup_;
    base::Fd control_, pidfd_;
    pid_t helper_ = -1, pid_ = 0;
    std::optional<int> status_;
    bool gone_ = false;
    Usage usage_;
};

// "cannot become user nobody: Operation not permitted", for an error reply.
std::string failure(int stage, int error, const Admitted&, const User&);

} // namespace agenthost::terminal
