// Parses and checks HTTP text: paths, and header JSON in both directions. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::host::listener {

struct Target {
    std::string path;  // percent-decoded, normalised, valid UTF-8, begins with "/"
    std::string query; // as it came, without "?"
};

// Origin form or absolute form. nullopt: invalid (".." beyond the root, NUL, a bad escape, invalid UTF-8):
// answered 400.
std::optional<Target> parse_target(std::string_view target);

using Headers = std::vector<std::pair<std::string, std::string>>;

// {"content-type":"text/plain"} -> pairs; nullopt when it is no object of strings or a value could break out
// of its line. content-length, transfer-encoding, connection and keep-alive are dropped: they are the host's.
std::optional<Headers> parse_headers_json(std::string_view json);

// `text` itself, or its conversion in `memory`: bytes that are not UTF-8 are taken as Latin-1.
std::string_view as_utf8(std::string_view text, std::string& memory);

// Smuggling, folding and bare line ends, before any parser looks: empty when the raw head (up to and with the
// empty line) is fine.
std::string_view head_problem(std::string_view head);

const char* reason_phrase(int status);
// An answer's status line and fields, with the empty line. `connection`: its field of that name; empty: none.
std::string answer_head(int status, const Headers&, std::optional<std::uint64_t> length, bool chunked,
                        std::string_view connection);
std::string error_body(std::string_view code, std::string_view message); // {"error":{"code":..,"message":..}}

} // namespace agenthost::host::listener
