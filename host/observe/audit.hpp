// Writes the audit log: who requested what, and the outcome. One line for every command with effects (refused
// ones included), and for one in `sample` of the others. Never parameters or results. To a file of JSON lines
// or, without one, to the daemon's log.
//
//     {"time":"2026-11-20T17:44:00.123Z","caller":"server","server":"files","protocol":"storage",
//      "action":"storage.upload","id":"t-1","effects":true,"outcome":"error","code":"DISK_FULL","took_ms":12.345}
//
// `caller` is server, control (the agenthost command on this machine) or plugin; `server` is present only for
// servers, `plugin` only for plugins, `code` only for errors. An unknown action is text from the peer, cut to
// 80 bytes.
//
// record() is for one thread, cheap, and never blocks: a separate thread writes. Bound: 4,096 lines wait;
// beyond that, and while the file cannot be written, lines are dropped, and their number is written to the
// file (or the log). The file is created with mode 0600, appended to, and reopened when its path is a
// different file (logrotate needs no signal). A line reaches the kernel within a second of the command's end;
// it is not synced to disk.
#pragma once

#include "wire/message.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace agenthost::host {

struct AuditEntry {          // views live for the call
    std::string_view caller; // the dispatcher's name for it: a server's, "control", "plugin:ID"
    std::string_view protocol, action, id, code;
    wire::Outcome outcome = wire::Outcome::success;
    std::chrono::nanoseconds took{0};
    bool effects = false;
    bool audited = false; // a line in any case: it has effects, or its manifest asks for it
};

// The line, without its end. Pure.
std::string audit_line(const AuditEntry&, std::int64_t utc_ms);

class Audit {
public:
    static constexpr std::size_t max_waiting = 4096;
    struct Options {
        std::string file;                   // empty: the log
        std::uint32_t sample = 100;         // records every n-th command without effects; 0: none
        std::function<void()> before_write; // tests: on the writer's thread
    };
    // `problem`: why the file cannot be written: what, where, how to fix; the audit is then unusable.
    Audit(Options, std::string& problem);
    ~Audit(); // writes waiting lines
    Audit(const Audit&) = delete;
    Audit& operator=(const Audit&) = delete;

    void record(const AuditEntry&);
    void set_sample(std::uint32_t sample) { sample_ = sample; } // same thread as record()

    struct Stats {
        std::uint64_t written = 0, dropped = 0, waiting = 0;
    };
    [[nodiscard]] Stats stats() const; // any thread

private:
    struct Writer;
    std::uint32_t sample_;
    std::uint64_t others_ = 0, logged_ = 0; // commands without effects so far; lines handed to the log
    std::unique_ptr<Writer> writer_;        // null: the log
};

} // namespace agenthost::host
