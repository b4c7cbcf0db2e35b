// Throws the errors of file operations: agenthost::Error with a code of the panel protocol and one sentence
// that says what is wrong, where, and what to do. Paths in them are relative to the server's folder.
//
//     FILE_NOT_FOUND   config/a.txt: cannot be read: no such file or folder. List its folder to see what is there.
//     DENIED           logs: cannot be changed: a part of the path is a symbolic link. Use the real path: ...
//
// Codes: FILE_NOT_FOUND, INVALID_REQUEST, DENIED (links, foreign types, permissions), DISK_FULL, DISK_ERROR,
// INSUFFICIENT_RESOURCES, TOO_LARGE (a limit of ours), BUSY (the server changes the same files), CANCELLED,
// INTERNAL.
#pragma once

#include "path.hpp"

#include <agenthost/error.hpp>

#include <string>
#include <string_view>

namespace agenthost::docker::files {

[[noreturn]] void fail(std::string_view code, const std::string& text);
// "<path>: <text>"
[[noreturn]] void fail_at(std::string_view code, const Path&, const std::string& text);
// `what` is a clause: "cannot be read". `error` is the errno of the call that failed.
[[noreturn]] void fail_errno(int error, const Path&, std::string_view what);

} // namespace agenthost::docker::files
