// The protocol-independent messages between a server and an agent.
//
// Codecs convert frames to messages and back; dispatch and the hub use only messages. Views point into the
// frame or into memory of the message's creator and are valid only during the call they are passed to; copy
// them to keep them. Times are int64 UTC ms, durations ms, sizes bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace agenthost::wire {

using std::chrono::milliseconds;

// Agent -> server, first of a session: identifies the agent.
struct Hello {
    std::string_view agent_id;
    std::string_view credential; // a token or key; never logged
    std::string_view name;       // the host's name, in protocols that send it
    std::string_view version;
    std::string_view platform;
    std::string_view capabilities; // JSON array, or empty
    std::string_view arch;         // uname's name (x86_64) or Node's (x64)
};

// Server -> agent: the answer to Hello.
struct Welcome {
    bool accepted = false;
    std::string_view message; // the reason of a refusal, for the log
};

// Server -> agent: a request to run an action. `action` is the name on the wire; dispatch resolves it.
struct Command {
    std::string_view id; // the protocol's correlation id; empty if it has none
    std::string_view action;
    std::string_view params; // one JSON object as received, already validated; "{}" if absent
    std::string_view target; // a game server's id or the like; empty = the agent itself
    std::optional<milliseconds> timeout;
    bool exact = false; // send its output byte for byte in protocols that would convert it to text
};

// How a command ended. `error` covers every refusal or failure of the plugin or the host; the journal depends
// on the others.
enum class Outcome : std::uint8_t {
    success,
    error,       // final: it was tried, or never can be
    not_started, // nothing was done; the same id may run again (BUSY, QUEUE_FULL, RATE_LIMIT)
    unknown,     // part may have been done; final, never run again
    interrupted, // it was running when the process died
};

// The one error table. `code` is stable and upper case (codes.hpp), `message` the field's word for people,
// `detail` where and how to fix.
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
    std::string_view action; // the command's name on the wire, for protocols that repeat it
};

// Agent -> server while a command runs: its progress and its output.
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

// Agent -> server, unsolicited.
struct Event {
    std::string_view topic; // "storage.file_quarantined"
    std::string_view json;
    std::string_view target;
    std::int64_t at = 0;
};
// Agent -> server; also the answer to a Ping. From the server: the acknowledgement of a heartbeat. `facts`, a
// JSON object: the facts published by plugins (ext/facts.h names the common ones) and the host's own:
// "uptime", seconds since the daemon started, and "agent_status", "healthy" or "degraded".
struct Heartbeat {
    std::string_view facts;
    std::int64_t at = 0;
    // Id of the Ping it answers or of the heartbeat it acknowledges, as the protocol writes it; else empty.
    std::string_view id;
};
struct Metrics {
    // {"cpu_percent","mem_percent","disk_percent","network_in_bps","network_out_bps","load_average":[]}.
    std::string_view json;
    std::int64_t at = 0;
};
struct Log {
    std::string_view level, message, source;
    std::int64_t at = 0;
};

// Server -> agent: a liveness check; answered by a Heartbeat with this id.
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

// An invalid frame. `reason` is for the log and, if the protocol can express it, for the peer.
struct Malformed {
    std::string reason;
    std::string_view id; // the frame's id if readable: answer it with INVALID_REQUEST
};
// A frame after which the connection must be closed with this code and reason.
struct Refused {
    int close_code = 1008;
    std::string reason;
};
struct Nothing {}; // a frame that needs no reaction (an ack, an unknown notice)

} // namespace agenthost::wire
