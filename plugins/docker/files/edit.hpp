// Changes values in the text of a configuration file and nothing else: comments, order, blank lines,
// indentation, a byte order mark, CRLF and a missing final newline stay as they are. Pure.
//
//     const Edited edited = edit_text(text, FileFormat::properties, {{.where = "server-port", .value = "25566"}});
//
// `where` is what eggs of Pterodactyl and Pelican say:
//   text        the beginning of a line: the whole line becomes the value; a line that is missing is not added
//   properties  a key; a missing one is added at the end
//   ini         "key", "section.key" (the first dot separates) or "[a.b].key"; missing ones are added
//   json, yaml  "a.b", "a[0].b", "a.*.b"; missing members of an object are added, a * only finds
//   xml         "root.a.b", "root.*.b": the text of elements; a value [key='text'] sets an attribute; nothing is added
// Where an edit cannot be done without touching other text (an anchor, a block scalar, a value that is a
// list), the file keeps that value and `misses` says why. A file that does not parse throws CONFIG_INVALID
// with its line, unchanged.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker::files {

enum class FileFormat { text, properties, ini, yaml, json, xml };

struct Edit {
    std::string where;
    std::string value;
    bool quoted = true; // false: a number, true, false or null of JSON
    // Edits only where this accepts the current value; a missing value is not edited. Empty: always.
    std::function<bool(std::string_view)> if_value;
};

struct Edited {
    std::string text;
    std::size_t changed = 0;         // values that were changed
    std::vector<std::string> misses; // "listeners[0].host: ...", for people
};

constexpr std::size_t max_edited_bytes = 2 << 20; // of a file, before and after
constexpr std::size_t max_edits = 256;
constexpr std::size_t max_edit_nesting = 100;

// Throws CONFIG_INVALID, TOO_LARGE.
Edited edit_text(std::string_view text, FileFormat, const std::vector<Edit>&);

} // namespace agenthost::docker::files
