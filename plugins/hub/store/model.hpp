// The hub's own records: an agent it has seen, a task it was given. Times are UTC ms.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::hub {

// How often a task is sent again after a lost session, at most.
constexpr int max_resends = 3;

struct AgentRecord {
    std::string id, protocol, name, version, peer;
    std::int64_t first_seen = 0, last_seen = 0;
    std::string platform, capabilities; // as its session said; capabilities: a JSON array, or empty
    std::int64_t last_heartbeat = 0; // 0: none; as far as the registry knows, a live session's is in Reports
    int redispatch =
        max_resends; // of a live session: how often a task is sent again after a lost one; not stored
};

// Its protocol has frames for a command's output, and for when the command starts to run.
bool carries_output(const AgentRecord&);

enum class TaskState : std::uint8_t { pending, dispatched, running, success, error, failed };
std::string_view word(TaskState);
inline bool final(TaskState s) { return s >= TaskState::success; }

struct TaskRecord {
    std::string id; // also the request_id on the wire: the agent's journal makes sending it again safe
    std::string agent, action, params;
    std::string target; // a game server's id or the like; empty: the agent itself
    std::string caller; // whose share it counts against (a token's subject); empty: nobody's
    TaskState state = TaskState::pending;
    int sent = 0;            // how often it went to the agent
    std::uint64_t order = 0; // among the open ones of this process
    // Part of a file call: its one-time URL and its caller live in this process, so it does not survive a restart.
    bool bound = false;
    // Sent, not in flight any more and never sent again: only an answer that still comes counts. Not stored.
    bool adrift = false;
    // Bound, but nobody waits for it with a connection in hand: it survives its agent's absence. Not stored.
    bool patient = false;
    // Made by /api/agent-tasks: waits for its shop, warns when it is late, and is kept by number instead of by time.
    bool shop = false;
    std::int64_t created = 0, updated = 0, expires = 0;
    std::int64_t warned = 0;           // when it was late; 0: it was not
    std::int64_t confirmed = 0;        // when the shop's heartbeat said that it applies this configuration
    std::uint64_t dropped = 0;         // bytes of the result that the hub no longer keeps
    std::string data;                  // JSON or empty; success
    std::string code, message, detail; // error, failed
};

// Identifiers that end up in URLs, logs and rows: 1..128 bytes (files: 255), no control character, no slash.
bool valid_id(std::string_view, std::size_t most = 128);

} // namespace agenthost::hub
