// The error codes of this plugin: those of the panel protocol's document and those it leaves open, each with
// its meaning and remedy. Every room takes its codes from here. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace agenthost::docker {

namespace code {

// Of the document. AGENT_OFFLINE is the hub's and AUTH_FAILED the session's; this plugin never sends them.
inline constexpr const char* agent_offline = "AGENT_OFFLINE";
inline constexpr const char* server_not_found = "SERVER_NOT_FOUND";
inline constexpr const char* container_not_found = "CONTAINER_NOT_FOUND";
inline constexpr const char* insufficient_resources = "INSUFFICIENT_RESOURCES";
inline constexpr const char* permission_denied = "PERMISSION_DENIED";
inline constexpr const char* docker_error = "DOCKER_ERROR";
inline constexpr const char* config_invalid = "CONFIG_INVALID";
inline constexpr const char* port_conflict = "PORT_CONFLICT";
inline constexpr const char* auth_failed = "AUTH_FAILED";

// Beyond it.
inline constexpr const char* busy = "BUSY";
inline constexpr const char* cancelled = "CANCELLED";
inline constexpr const char* crashed = "CRASHED";
inline constexpr const char* oom_killed = "OOM_KILLED";
inline constexpr const char* server_exists = "SERVER_EXISTS";
inline constexpr const char* file_not_found = "FILE_NOT_FOUND";
inline constexpr const char* disk_full = "DISK_FULL";
inline constexpr const char* disk_error = "DISK_ERROR";
inline constexpr const char* denied = "DENIED";
inline constexpr const char* invalid_request = "INVALID_REQUEST";
inline constexpr const char* too_large = "TOO_LARGE";
inline constexpr const char* timeout = "TIMEOUT";
inline constexpr const char* interrupted = "INTERRUPTED";
inline constexpr const char* internal = "INTERNAL";
inline constexpr const char* rate_limit = "RATE_LIMIT";
inline constexpr const char* network_error = "NETWORK_ERROR";
inline constexpr const char* store_damaged = "STORE_DAMAGED";

} // namespace code

struct CodeRow {
    std::string_view code, meaning, remedy;
    bool of_document = false;
};
std::span<const CodeRow> code_table();
// The general remedy, a sentence; empty for an unknown code.
std::string_view remedy_of(std::string_view code);

// A code of this table and a sentence; empty: no problem.
struct Problem {
    std::string code, message;
    bool operator==(const Problem&) const = default;
};
// `what` is a sentence without its full stop; the code's remedy follows. Where a better remedy is known,
// write the Problem out.
Problem problem(const char* code, std::string what);

} // namespace agenthost::docker
