#include "edit.hpp"

#include "edit_parts.hpp"
#include "error.hpp"

#include "base/json_string.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace agenthost::docker::files {

std::string apply_splices(std::string_view text, std::vector<Splice> splices)
{
    std::stable_sort(splices.begin(), splices.end(),
                     [](const Splice& a, const Splice& b) { return a.from < b.from; });
    std::string out;
    std::size_t at = 0;
    for (const Splice& splice : splices) {
        if (splice.from < at) continue; // overlaps: two edits of one value, the first counts
        out += text.substr(at, splice.from - at);
        out += splice.text;
        at = splice.to;
    }
    out += text.substr(at);
    return out;
}

std::vector<Line> split_lines(std::string_view text)
{
    std::vector<Line> lines;
    for (std::size_t at = 0; at < text.size();) {
        const auto newline = std::min(text.find('\n', at), text.size());
        Line line{at, newline, std::min(newline + 1, text.size())};
        if (line.to > line.from && text[line.to - 1] == '\r') --line.to;
        lines.push_back(line);
        at = line.next;
    }
    return lines;
}

std::string_view line_end_of(std::string_view text)
{
    const auto newline = text.find('\n');
    return newline != std::string_view::npos && newline > 0 && text[newline - 1] == '\r' ? "\r\n" : "\n";
}

std::size_t line_number(std::string_view text, std::size_t at)
{
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(at, text.size()));
    return 1 + static_cast<std::size_t>(std::count(text.begin(), end, '\n'));
}

void fail_parse(std::string_view text, std::size_t at, const std::string& why)
{
    fail("CONFIG_INVALID", "line " + std::to_string(line_number(text, at)) + ": " + why +
                               ". The file was not changed; correct it by hand.");
}

std::vector<WhereStep> parse_where(const std::string& where)
{
    std::vector<WhereStep> steps;
    std::string key;
    const auto end_key = [&] {
        if (key.empty()) return;
        steps.push_back({.key = key, .index = {}, .any = key == "*"});
        key.clear();
    };
    for (std::size_t i = 0; i < where.size(); ++i) {
        const char c = where[i];
        if (c == '.') {
            end_key();
        } else if (c == '[') {
            const auto close = where.find(']', i);
            std::size_t index = 0;
            const char* from = where.data() + i + 1;
            const char* to = where.data() + (close == std::string::npos ? i + 1 : close);
            const auto [end, error] = std::from_chars(from, to, index);
            const bool any = close == i + 2 && where[i + 1] == '*';
            if (!any && (error != std::errc{} || end != to)) {
                key += c; // not an index: a part of the key
                continue;
            }
            end_key();
            steps.push_back({.key = {}, .index = any ? std::nullopt : std::optional{index}, .any = any});
            i = close;
        } else {
            key += c;
        }
    }
    end_key();
    if (steps.empty() || steps.size() > max_edit_nesting)
        fail("CONFIG_INVALID",
             "\"" + escape_name(where) + "\" does not name a value. Write for example a.b or a[0].b.");
    return steps;
}

bool looks_plain(std::string_view value)
{
    if (value == "true" || value == "false" || value == "null") return true;
    if (value.empty()) return false;
    // The grammar of JSON's numbers, without an exponent.
    std::size_t i = value.front() == '-' ? 1 : 0;
    const std::size_t digits = i;
    while (i < value.size() && value[i] >= '0' && value[i] <= '9') ++i;
    if (i == digits || (value[digits] == '0' && i - digits > 1)) return false;
    if (i == value.size()) return true;
    if (value[i++] != '.' || i == value.size()) return false;
    return std::all_of(value.begin() + static_cast<std::ptrdiff_t>(i), value.end(),
                       [](char c) { return c >= '0' && c <= '9'; });
}

std::string json_value(const Edit& edit, bool was_plain)
{
    if (!edit.quoted || (was_plain && looks_plain(edit.value))) return edit.value;
    std::string out;
    base::append_json_string(out, edit.value);
    return out;
}

std::string unescape_json(std::string_view quoted)
{
    std::string out;
    for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
        if (quoted[i] != '\\') {
            out += quoted[i];
            continue;
        }
        const char c = quoted[++i];
        switch (c) {
        case 'n': out += '\n'; break;
        case 't': out += '\t'; break;
        case 'r': out += '\r'; break;
        case 'b': out += '\b'; break;
        case 'f': out += '\f'; break;
        case 'u': out += "\\u"; break; // compared as it is written: keys of configuration files are plain
        default: out += c;
        }
    }
    return out;
}

Edited edit_in_rounds(std::string_view text, const std::vector<Edit>& edits,
                      const std::function<EditRound(std::string_view, const std::vector<Edit>&)>& round)
{
    EditRound now = round(text, edits);
    Edited all = std::move(now.edited);
    for (int i = 1; i < max_edit_rounds && !now.later.empty(); ++i) {
        now = round(all.text, now.later);
        all.text = std::move(now.edited.text);
        all.changed += now.edited.changed;
        for (std::string& miss : now.edited.misses) all.misses.push_back(std::move(miss));
    }
    for (const Edit& edit : now.later) all.misses.push_back(edit.where + ": too many levels are missing");
    return all;
}

Edited edit_text(std::string_view text, FileFormat format, const std::vector<Edit>& edits)
{
    if (text.size() > max_edited_bytes)
        fail("TOO_LARGE",
             "a configuration file that is edited has at most 2 MiB. Remove the edits, or make it smaller.");
    if (edits.size() > max_edits)
        fail("CONFIG_INVALID", "one file has at most " + std::to_string(max_edits) + " edits. Use fewer.");
    for (const Edit& edit : edits) {
        if (edit.where.empty() || edit.value.find('\0') != std::string::npos ||
            edit.where.find_first_of(std::string_view{"\0\r\n", 3}) != std::string::npos)
            fail("CONFIG_INVALID",
                 "an edit's place is empty, or contains a NUL or a line break. Correct the egg's find.");
        if (!edit.quoted && !looks_plain(edit.value) &&
            edit.value.find_first_not_of("+-.eE0123456789") != std::string::npos)
            fail("CONFIG_INVALID",
                 escape_name(edit.where) + ": the value is not a number, true, false or null. Quote it.");
    }
    const bool mark = text.starts_with(byte_order_mark);
    const std::string_view body = mark ? text.substr(byte_order_mark.size()) : text;
    Edited edited;
    switch (format) {
    case FileFormat::text: edited = edit_lines(body, edits); break;
    case FileFormat::properties: edited = edit_properties(body, edits); break;
    case FileFormat::ini: edited = edit_ini(body, edits); break;
    case FileFormat::yaml: edited = edit_yaml(body, edits); break;
    case FileFormat::json: edited = edit_json(body, edits); break;
    case FileFormat::xml: edited = edit_xml(body, edits); break;
    }
    if (mark) edited.text.insert(0, byte_order_mark);
    if (edited.text.size() > max_edited_bytes)
        fail("TOO_LARGE", "the edited file would have more than 2 MiB. Use shorter values.");
    return edited;
}

} // namespace agenthost::docker::files
