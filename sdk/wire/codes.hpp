// The error codes; comments name the texts that protocol documents prescribe for some of them.
#pragma once

#include <string_view>

namespace agenthost::wire::code {

inline constexpr std::string_view unknown_action = "UNKNOWN_ACTION";
inline constexpr std::string_view invalid_request = "INVALID_REQUEST";
inline constexpr std::string_view file_not_found = "FILE_NOT_FOUND"; // in storage: "File not found"
inline constexpr std::string_view disk_full = "DISK_FULL";           // in storage: "Disk full"
inline constexpr std::string_view disk_error = "DISK_ERROR";         // read-only, or an I/O error
inline constexpr std::string_view insufficient_resources = "INSUFFICIENT_RESOURCES"; // descriptors, memory
inline constexpr std::string_view network_error = "NETWORK_ERROR"; // in storage: "Network error"
inline constexpr std::string_view denied = "DENIED";
inline constexpr std::string_view busy = "BUSY";
inline constexpr std::string_view queue_full = "QUEUE_FULL";
inline constexpr std::string_view timeout = "TIMEOUT";
inline constexpr std::string_view cancelled = "CANCELLED";
inline constexpr std::string_view interrupted = "INTERRUPTED";
inline constexpr std::string_view id_reused = "ID_REUSED";
inline constexpr std::string_view rate_limit = "RATE_LIMIT";
inline constexpr std::string_view too_large = "TOO_LARGE"; // the result exceeds the peer's limit
inline constexpr std::string_view internal = "INTERNAL";
inline constexpr std::string_view agent_offline = "AGENT_OFFLINE";
inline constexpr std::string_view agent_not_found = "AGENT_NOT_FOUND";

// True for errors that are detected before anything is changed: the same command may safely be retried.
constexpr bool means_nothing_was_done(std::string_view code)
{
    return code == file_not_found || code == unknown_action || code == invalid_request || code == denied ||
           code == agent_not_found || code == agent_offline || code == rate_limit;
}

} // namespace agenthost::wire::code
