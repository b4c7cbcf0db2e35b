// The error codes of the one table, and the words the protocol documents fix for some of them.
#pragma once

#include <string_view>

namespace agenthost::wire::code {

inline constexpr std::string_view unknown_action = "UNKNOWN_ACTION";
inline constexpr std::string_view invalid_request = "INVALID_REQUEST";
inline constexpr std::string_view file_not_found = "FILE_NOT_FOUND"; // storage's word: "File not found"
inline constexpr std::string_view disk_full = "DISK_FULL";           // storage's word: "Disk full"
inline constexpr std::string_view disk_error = "DISK_ERROR";         // read-only, or it does not work
inline constexpr std::string_view insufficient_resources = "INSUFFICIENT_RESOURCES"; // descriptors, memory
inline constexpr std::string_view network_error = "NETWORK_ERROR"; // storage's word: "Network error"
inline constexpr std::string_view denied = "DENIED";
inline constexpr std::string_view busy = "BUSY";
inline constexpr std::string_view queue_full = "QUEUE_FULL";
inline constexpr std::string_view timeout = "TIMEOUT";
inline constexpr std::string_view cancelled = "CANCELLED";
inline constexpr std::string_view interrupted = "INTERRUPTED";
inline constexpr std::string_view id_reused = "ID_REUSED";
inline constexpr std::string_view rate_limit = "RATE_LIMIT";
inline constexpr std::string_view too_large = "TOO_LARGE"; // the result, for what the peer accepts
inline constexpr std::string_view internal = "INTERNAL";
inline constexpr std::string_view agent_offline = "AGENT_OFFLINE";
inline constexpr std::string_view agent_not_found = "AGENT_NOT_FOUND";

// Errors that are found before anything is changed: the same command may be tried again without harm.
constexpr bool means_nothing_was_done(std::string_view code)
{
    return code == file_not_found || code == unknown_action || code == invalid_request || code == denied ||
           code == agent_not_found || code == agent_offline || code == rate_limit;
}

} // namespace agenthost::wire::code
