// The hub's records: agents it has seen, and tasks. Times are UTC ms.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::hub {

// Maximum number of times a task is resent after lost sessions.
constexpr int max_resends = 3;

struct AgentRecord {
    std::string id, protocol, name, version, peer;
    std::int64_t first_seen = 0, last_seen = 0;
    std::string platform, capabilities; // as reported by its session; capabilities: a JSON array, or empty
    std::int64_t last_heartbeat = 0;    // 0: none; from the registry, a live session's is in Reports
    // Of a live session: how often a task is resent after a lost one; not stored.
    int redispatch = max_resends;
};

// Whether its protocol has frames for a command's output and for its start.
bool carries_output(const AgentRecord&);

enum class TaskState : std::uint8_t { pending, dispatched, running, success, error, failed };
std::string_view to_string(TaskState);
inline bool final(TaskState s) { return s >= TaskState::success; }

struct TaskRecord {
    std::string id; // also the request_id on the wire, so the agent's journal makes resending safe
    std::string agent, action, params;
    std::string target; // for example a game server's id; empty: the agent itself
    std::string caller; // the token's subject whose share it counts against; empty: none
    TaskState state = TaskState::pending;
    int sent = 0;            // how often it was sent to the agent
    std::uint64_t order = 0; // among the open ones of this process
    // Part of a file transfer: its one-time URL and its caller exist only in this process, so it does not
    // survive a restart.
    bool bound = false;
    // It was sent as often as its agent can bear, for example once to an agent without a journal: no agent is
    // sent it again, not even by a later process of the hub.
    bool no_resend = false;
    // Sent, no longer in flight and never resent: only a late answer can complete it. Not stored; a restored
    // task with no_resend is adrift.
    bool adrift = false;
    // Bound, but no connected caller waits for it: it survives its agent's absence. Not stored.
    bool patient = false;
    // Created by /api/agent-tasks: waits for its shop, warns when it is late, and is retained by count
    // instead of by time.
    bool shop = false;
    std::int64_t created = 0, updated = 0, expires = 0;
    std::int64_t warned = 0;           // when the warning was given; 0: none
    std::int64_t confirmed = 0;        // when the shop's heartbeat confirmed this configuration
    std::uint64_t dropped = 0;         // bytes of the result that the hub no longer keeps
    std::string digest;                // of what was asked for, if the caller gave an Idempotency-Key
    std::string origin;                // the task that this one prints again; empty: none
    std::string data;                  // JSON or empty; success
    std::string code, message, detail; // error, failed
};

// Identifiers that end up in URLs, logs and rows: 1..128 bytes (files: 255), no control character, no slash.
bool valid_id(std::string_view, std::size_t max_size = 128);

} // namespace agenthost::hub
