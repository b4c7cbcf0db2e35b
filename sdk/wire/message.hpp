// The neutral messages: what a server and an agent say to each other, whatever protocol says it.
//
// A codec turns frames into these and back; dispatch and the hub know only these. Views point into the frame or into memory of
// the one who made the message, and live until the call they are handed to returns; whoever keeps one copies it.
// Times are int64 UTC ms, durations ms, sizes bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace agenthost::wire {

using std::chrono::milliseconds;

// Agent -> server, first of a session: who is here.
struct Hello {
    std::string_view agent_id;
    std::string_view credential; // a token or key; never logged
    std::string_view name;       // a host's name, where the protocol has a place for it
    std::string_view version;
    std::string_view platform;
    std::string_view capabilities; // JSON array, or empty
    std::string_view arch;         // as uname says it (x86_64) or as Node does (x64)
};

// Server -> agent: the answer to Hello.
struct Welcome {
    bool accepted = false;
    std::string_view message; // why not, for the log
};

// Server -> agent: do this. `action` is the wire's word as it came; dispatch resolves it.
struct Command {
    std::string_view id; // the protocol's correlation id; empty when the protocol has none
    std::string_view action;
    std::string_view params; // one JSON object, raw, already validated as JSON; "{}" when absent
    std::string_view target; // a game server's id or the like; empty = the agent itself
    std::optional<milliseconds> timeout;
    bool exact = false; // its output must come byte for byte, where the protocol would make text of it
};

// How a command ended. `error` covers everything the plugin or the host refused or failed; the other words matter to the journal.
enum class Outcome : std::uint8_t {
    success,
    error,       // final: it was tried, or can never be
    not_started, // certainly nothing was done; the same id may run again (BUSY, QUEUE_FULL, RATE_LIMIT)
    unknown,     // part may have been done; final, never run again
    interrupted, // running when the process died
};

// The one error table. `code` is stable and upper case (codes.hpp), `message` the field's word for people, `detail` where and how to fix.
struct Error {
    std::string_view code;
    std::string_view message;
    std::string_view detail;
    std::string_view data; // JSON, or empty
};

// Agent -> server: the answer to a Command.
struct Result {
    std::string_view id;
    Outcome outcome = Outcome::success;
    std::string_view data;   // JSON, or empty; on success
    Error error;             // otherwise
    std::string_view action; // the command's word, for protocols that repeat it
};

// Agent -> server while a command runs: how far it is, what it printed.
struct Progress {
    std::string_view id;
    std::string_view json;
};
struct Stream {
    std::string_view id;
    std::uint32_t channel = 1; // 1 stdout, 2 stderr
    std::uint64_t offset = 0;
    std::string_view bytes;
};

// Agent -> server, unasked.
struct Event {
    std::string_view topic; // "storage.file_quarantined"
    std::string_view json;
    std::string_view target;
    std::int64_t at = 0;
};
// Also the answer to a Ping, and, from the server's end, the acknowledgement of one.
// `facts`, a JSON object: retained facts by key, whoever published them (ext/facts.h names the common ones), and the host's own:
// "uptime", seconds since the daemon began, and "agent_status", "healthy" or "degraded".
struct Heartbeat {
    std::string_view facts;
    std::int64_t at = 0;
    std::string_view
        id; // of the Ping it answers; of the heartbeat it acknowledges; as the protocol writes it, else empty
};
struct Metrics {
    std::string_view
        json; // {"cpu_percent","mem_percent","disk_percent","network_in_bps","network_out_bps","load_average":[]}
    std::int64_t at = 0;
};
struct Log {
    std::string_view level, message, source;
    std::int64_t at = 0;
};

// Server -> agent: are you there; answered by a Heartbeat with this id.
struct Ping {
    std::string_view id;
};

// Server -> agent: settings the server pushes (print's telemetry.intervalSeconds and the like).
struct Config {
    std::string_view json;
};

// Server -> agent: the credential to use from the next connection on. Never logged.
struct NewCredential {
    std::string_view credential;
};

// A frame the protocol does not allow. `reason` says what is wrong, for the log and, where the protocol can say it, the peer.
struct Malformed {
    std::string reason;
    std::string_view id; // when the frame had one that could be read: answer it with INVALID_REQUEST
};
// A frame after which the connection cannot go on: close it with this code and word.
struct Refused {
    int close_code = 1008;
    std::string reason;
};
struct Nothing {}; // a frame that asks for nothing (an ack, an unknown notice)

} // namespace agenthost::wire
