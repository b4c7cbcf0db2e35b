// What the editors of the formats share. Internal to edit*.cpp.
#pragma once

#include "edit.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker::files {

// Replaces [from, to) of a text. Collected first, applied from the end, so positions stay right.
struct Splice {
    std::size_t from = 0, to = 0;
    std::string text;
};
// Splices must not overlap; at one position, the first comes first.
std::string apply_splices(std::string_view text, std::vector<Splice> splices);

// The lines of a text without their ends.
struct Line {
    std::size_t from = 0, to = 0, next = 0; // next: after the line end
    [[nodiscard]] std::string_view of(std::string_view text) const { return text.substr(from, to - from); }
};
std::vector<Line> split_lines(std::string_view text);
// "\r\n" if the first line ends so, else "\n".
std::string_view line_end_of(std::string_view text);
std::size_t line_number(std::string_view text, std::size_t at);

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
// "a.b", "a[0].*" as steps.
struct WhereStep {
    std::string key;
    std::optional<std::size_t> index; // of a list
    bool any = false;                 // *
};
// Throws CONFIG_INVALID.
std::vector<WhereStep> parse_where(const std::string& where);

// Whether JSON and YAML would read it as a number, true, false or null.
bool looks_plain(std::string_view value);
// The value as JSON text. `was_plain`: the current value is a number or boolean, or is missing.
std::string json_value(const Edit&, bool was_plain);

// What a quoted JSON (or YAML) string means, for comparing.
std::string unescape_json(std::string_view quoted);

[[noreturn]] void fail_parse(std::string_view text, std::size_t at, const std::string& why);

// Edits that add members below one that an earlier edit just added are left for another round over the new
// text.
constexpr int max_edit_rounds = 16;
struct EditRound {
    Edited edited;
    std::vector<Edit> later;
};
Edited edit_in_rounds(std::string_view text, const std::vector<Edit>& edits,
                      const std::function<EditRound(std::string_view, const std::vector<Edit>&)>& round);

Edited edit_lines(std::string_view text, const std::vector<Edit>&);
Edited edit_properties(std::string_view text, const std::vector<Edit>&);
Edited edit_ini(std::string_view text, const std::vector<Edit>&);
Edited edit_json(std::string_view text, const std::vector<Edit>&);
Edited edit_yaml(std::string_view text, const std::vector<Edit>&);
Edited edit_xml(std::string_view text, const std::vector<Edit>&);

} // namespace agenthost::docker::files
