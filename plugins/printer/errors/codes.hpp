// All error codes of this plugin, each with its meaning and remedy. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace agenthost::printer {

namespace code {

inline constexpr const char* printer_not_found = "PRINTER_NOT_FOUND";
inline constexpr const char* printer_ambiguous = "PRINTER_AMBIGUOUS";
inline constexpr const char* printer_busy = "PRINTER_BUSY";
inline constexpr const char* printer_offline = "PRINTER_OFFLINE";
inline constexpr const char* permission_denied = "PERMISSION_DENIED";
inline constexpr const char* outcome_unknown = "OUTCOME_UNKNOWN";
inline constexpr const char* address_denied = "ADDRESS_DENIED";
inline constexpr const char* charset_unsupported = "CHARSET_UNSUPPORTED";
inline constexpr const char* invalid_request = "INVALID_REQUEST";
inline constexpr const char* too_large = "TOO_LARGE";
inline constexpr const char* queue_full = "QUEUE_FULL";
inline constexpr const char* task_not_found = "TASK_NOT_FOUND";
inline constexpr const char* cancelled = "CANCELLED";
inline constexpr const char* disk_full = "DISK_FULL";
inline constexpr const char* disk_error = "DISK_ERROR";
inline constexpr const char* store_damaged = "STORE_DAMAGED";
inline constexpr const char* internal = "INTERNAL";

} // namespace code

struct CodeRow {
    std::string_view code, meaning, remedy;
};
std::span<const CodeRow> code_table();
// The general remedy, a sentence; empty for an unknown code.
std::string_view remedy_of(std::string_view code);

// A code of this table and a sentence; empty: no problem.
struct Problem {
    std::string code, message;
    bool operator==(const Problem&) const = default;
};
// Returns a problem whose message is `what` followed by the code's remedy. `what` is a sentence without its
// full stop, or ends in a question mark. If a better remedy is known, construct the Problem directly.
Problem problem(const char* code, std::string what);

} // namespace agenthost::printer
