// The error of an action: the protocol's code and message, and our detail (what, where, how to fix).
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace agenthost::base {
class SqliteError;
}

namespace agenthost::storage {

struct Problem {
    std::string code, message, detail;
    bool not_started = false; // certainly nothing was done: the same request may run again
};
using MaybeProblem = std::optional<Problem>;

namespace problem {

// The first three messages are fixed by the protocol.
inline Problem file_not_found(std::string detail)
{
    return {"FILE_NOT_FOUND", "File not found", std::move(detail)};
}
inline Problem disk_full(std::string detail) { return {"DISK_FULL", "Disk full", std::move(detail)}; }
inline Problem network(std::string detail) { return {"NETWORK_ERROR", "Network error", std::move(detail)}; }
inline Problem denied(std::string detail) { return {"DENIED", "Denied", std::move(detail)}; }
inline Problem invalid(std::string detail)
{
    return {"INVALID_REQUEST", "Invalid request", std::move(detail)};
}
inline Problem busy(std::string detail) { return {"BUSY", "Busy", std::move(detail), true}; }
inline Problem cancelled()
{
    return {"CANCELLED", "Cancelled", "the command was cancelled; nothing was changed"};
}
inline Problem timeout() { return {"TIMEOUT", "Timeout", "the deadline passed; nothing was changed"}; }
inline Problem interrupted()
{
    return {"INTERRUPTED", "Interrupted", "the agent is shutting down; send the command again", true};
}
inline Problem internal(std::string detail) { return {"INTERNAL", "Internal error", std::move(detail)}; }
inline Problem disk_error(std::string detail) { return {"DISK_ERROR", "Disk error", std::move(detail)}; }
// Maps a failed change of the index in `file`.
Problem from_index(const base::SqliteError&, const std::string& file);
// Maps a failed call on `path`: ENOSPC and EDQUOT mean a full disk, anything else an internal error.
Problem from_errno(int error, const std::string& what);

} // namespace problem

} // namespace agenthost::storage
