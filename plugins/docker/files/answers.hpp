// The JSON of file actions, in the panel protocol's shapes. Pure.
//
//     {"path":"/server","files":[{"name":"a.txt","type":"file","size":12,"modified":"2026-01-01T00:00:00.000Z","mode":"0644"}],
//      "total":1}
//     {"path":"a.txt","size":12,"encoding":"utf-8","content":"...","modified":"..."}
//
// `path` is what the panel asked for. Beyond the protocol: mode, target (of a link), total, next (a cursor),
// offset.
#pragma once

#include "list.hpp"
#include "read.hpp"

#include <string>
#include <string_view>

namespace agenthost::docker::files {

// As the protocol names them: "file", "directory"; "symlink" and "other" in addition.
const char* to_string(Type);
std::string list_answer(std::string_view path, const Listing&);
std::string entry_answer(std::string_view path, const Entry&);
// Text as it is when it is valid UTF-8 without NUL (encoding utf-8), else base64. A part that cuts a
// character at its end is shortened to the characters before, if that makes it valid; `bytes` then says how
// many bytes it has.
std::string content_answer(std::string_view path, const Content&);

} // namespace agenthost::docker::files
