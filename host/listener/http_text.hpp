// Parses and checks HTTP text: paths, and header JSON in both directions. Pure and thread-safe. Private to
// host/listener.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::host::listener {

struct Target {
    // Percent-decoded, normalised, valid UTF-8, begins with "/".
    std::string path;
    // As received, without "?".
    std::string query;
};

// Origin form or absolute form. nullopt: invalid ("..", NUL, a bad escape, invalid UTF-8); answered 400.
std::optional<Target> parse_target(std::string_view target);

using Headers = std::vector<std::pair<std::string, std::string>>;

// {"content-type":"text/plain"} -> pairs; nullopt if it is not an object of strings or a value contains
// control characters. content-length, transfer-encoding, connection and keep-alive are dropped: the host sets
// them.
std::optional<Headers> parse_headers_json(std::string_view json);

// Returns `text`, or if it is not UTF-8, its conversion from Latin-1, which is stored in `memory`.
std::string_view as_utf8(std::string_view text, std::string& memory);

// Finds smuggling, folding and bare line ends before any parser runs. `head`: up to and including the empty
// line. Empty: no problem.
std::string_view head_problem(std::string_view head);

const char* reason_phrase(int status);
// Encodes an answer's status line and fields, with the empty line. `connection`: the value of that field;
// empty: no such field.
std::string answer_head(int status, const Headers&, std::optional<std::uint64_t> length, bool chunked,
                        std::string_view connection);
// {"error":{"code":..,"message":..}}
std::string error_body(std::string_view code, std::string_view message);

} // namespace agenthost::host::listener
