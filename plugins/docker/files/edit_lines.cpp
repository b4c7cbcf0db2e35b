// The formats whose unit is the line: text, properties, ini.
#include "edit_parts.hpp"
#include "error.hpp"

#include "base/ascii.hpp"
#include "base/trim.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace agenthost::docker::files {

namespace {

// Appends lines to a text that may lack its final newline; the newline stays missing only if nothing is
// appended.
void append_lines(std::string& text, const std::vector<std::string>& lines, std::string_view line_end)
{
    if (lines.empty()) return;
    if (!text.empty() && text.back() != '\n') text += line_end;
    for (const std::string& line : lines) (text += line) += line_end;
}

bool accepts(const Edit& edit, std::string_view present) { return !edit.if_value || edit.if_value(present); }

void require_one_line(const Edit& edit)
{
    if (edit.value.find_first_of("\r\n") != std::string::npos)
        fail("CONFIG_INVALID", escape_name(edit.where) + ": the value has a line break. Remove it.");
}

// --- properties ---

// A logical line of a properties file: its key, and where its value is.
struct Property {
    std::string key, value;
    std::size_t value_from = 0, value_to = 0;
    bool separated = true; // false: a key without = : or blank
};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }

bool continues(std::string_view line)
{
    std::size_t backslashes = 0;
    while (backslashes < line.size() && line[line.size() - 1 - backslashes] == '\\') ++backslashes;
    return backslashes % 2 == 1;
}

void append_utf8(std::string& out, unsigned code)
{
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xc0 | (code >> 6));
        out += static_cast<char>(0x80 | (code & 0x3f));
    } else {
        out += static_cast<char>(0xe0 | (code >> 12));
        out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (code & 0x3f));
    }
}

// Undoes the escapes of java.util.Properties, for comparing.
std::string unescape_property(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        const char c = text[++i];
        if (c == 'u' && i + 4 < text.size()) {
            int code = 0;
            bool good = true;
            for (std::size_t k = 1; k <= 4; ++k) {
                good = good && base::hex_digit(text[i + k]) >= 0;
                code = code * 16 + std::max(0, base::hex_digit(text[i + k]));
            }
            if (good) {
                append_utf8(out, static_cast<unsigned>(code));
                i += 4;
                continue;
            }
        }
        if (c == '\r' || c == '\n') { // a continued line; its indentation does not count
            while (i + 1 < text.size() && (is_blank(text[i + 1]) || text[i + 1] == '\n')) ++i;
            continue;
        }
        out += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'f' ? '\f' : c;
    }
    return out;
}

std::string escape_property(std::string_view value, bool key)
{
    std::string out;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        switch (c) {
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        case '\f': out += "\\f"; break;
        case ' ': out += key || i == 0 ? "\\ " : " "; break;
        case '=':
        case ':':
            if (key) out += '\\';
            out += c;
            break;
        case '#':
        case '!':
            if (key && i == 0) out += '\\';
            out += c;
            break;
        default: out += c;
        }
    }
    return out;
}

Property parse_property(std::string_view text, std::size_t from, std::size_t to)
{
    Property property;
    std::size_t at = from;
    while (at < to && text[at] != '=' && text[at] != ':' && !is_blank(text[at]))
        at += text[at] == '\\' ? 2 : 1;
    at = std::min(at, to);
    property.key = unescape_property(text.substr(from, at - from));
    const std::size_t key_end = at;
    while (at < to && is_blank(text[at])) ++at;
    if (at < to && (text[at] == '=' || text[at] == ':')) {
        ++at;
        while (at < to && is_blank(text[at])) ++at;
    }
    property.separated = at > key_end;
    property.value_from = at;
    property.value_to = to;
    property.value = unescape_property(text.substr(at, to - at));
    return property;
}

std::vector<Property> parse_properties(std::string_view text)
{
    std::vector<Property> found;
    const std::vector<Line> lines = split_lines(text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::size_t from = lines[i].from;
        while (from < lines[i].to && is_blank(text[from])) ++from;
        if (from == lines[i].to || text[from] == '#' || text[from] == '!') continue;
        while (i + 1 < lines.size() && continues(lines[i].of(text))) ++i;
        if (continues(lines[i].of(text)))
            fail_parse(text, lines[i].from, "the last line ends in a backslash");
        found.push_back(parse_property(text, from, lines[i].to));
    }
    return found;
}

// --- ini ---

struct IniKey {
    std::string section, key;
};

// The first dot separates the section, unless it is in brackets; brackets are not a part of the name.
IniKey ini_key(const std::string& where)
{
    std::vector<std::string> parts{1};
    int depth = 0;
    for (const char c : where) {
        if (c == '[') {
            ++depth;
        } else if (c == ']') {
            --depth;
        } else if (c == '.' && depth <= 0 && parts.size() == 1) {
            parts.emplace_back();
        } else {
            parts.back() += c;
        }
    }
    if (parts.size() == 1) return {"", parts[0]};
    return {parts[0], parts[1]};
}

struct IniLine {
    std::string section, key;
    std::size_t value_from = 0, value_to = 0;
};
struct IniFile {
    std::vector<IniLine> lines;
    std::map<std::string, std::size_t> section_end; // where a line of that section can be added
};

// The end of a value: a comment after a blank is not a part of it, unless the value is quoted.
std::size_t ini_value_end(std::string_view text, std::size_t from, std::size_t to)
{
    if (from < to && (text[from] == '"' || text[from] == '\'')) {
        const auto quote = text.find(text[from], from + 1);
        if (quote != std::string_view::npos && quote < to) return quote + 1;
    }
    for (std::size_t i = from; i + 1 < to; ++i)
        if (is_blank(text[i]) && (text[i + 1] == ';' || text[i + 1] == '#')) to = i;
    while (to > from && is_blank(text[to - 1])) --to;
    return to;
}

IniFile parse_ini(std::string_view text)
{
    IniFile file;
    std::string section;
    file.section_end[section] = 0;
    for (const Line& line : split_lines(text)) {
        const std::string_view content = base::trim(line.of(text));
        if (content.empty() || content.front() == ';' || content.front() == '#') continue;
        if (content.front() == '[') {
            const auto close = content.rfind(']');
            if (close == std::string_view::npos)
                fail_parse(text, line.from, "a section has no closing bracket");
            section = std::string{content.substr(1, close - 1)};
            file.section_end.emplace(section, line.next);
            file.section_end[section] = line.next;
            continue;
        }
        file.section_end[section] = line.next;
        std::size_t key_from = line.from;
        while (key_from < line.to && is_blank(text[key_from])) ++key_from;
        const auto equals = text.find_first_of("=:", key_from);
        if (equals == std::string_view::npos || equals >= line.to) continue; // a key without value
        IniLine found{section, std::string{base::trim(text.substr(key_from, equals - key_from))}, equals + 1,
                      0};
        while (found.value_from < line.to && is_blank(text[found.value_from])) ++found.value_from;
        found.value_to = ini_value_end(text, found.value_from, line.to);
        file.lines.push_back(std::move(found));
    }
    return file;
}

// Keeps the quotes of the current value. A value that a comment mark would cut gets quotes.
std::string ini_value(std::string_view present, const std::string& value)
{
    const bool quoted = present.size() >= 2 && (present.front() == '"' || present.front() == '\'') &&
                        present.back() == present.front();
    if (quoted && value.find(present.front()) == std::string::npos)
        return present.front() + value + present.front();
    const bool cut = value.find(" ;") != std::string::npos || value.find(" #") != std::string::npos;
    if (cut && value.find('"') == std::string::npos) return '"' + value + '"';
    return value;
}

std::string_view without_quotes(std::string_view value)
{
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
        return value.substr(1, value.size() - 2);
    return value;
}

} // namespace

Edited edit_lines(std::string_view text, const std::vector<Edit>& edits)
{
    Edited edited;
    std::vector<Splice> splices;
    std::set<const Edit*> used;
    for (const Edit& edit : edits) require_one_line(edit);
    for (const Line& line : split_lines(text)) {
        const std::string_view content = line.of(text);
        for (const Edit& edit : edits) {
            if (!content.starts_with(edit.where) || !accepts(edit, content)) continue;
            used.insert(&edit);
            if (content != edit.value) {
                splices.push_back({line.from, line.to, edit.value});
                ++edited.changed;
            }
            break;
        }
    }
    for (const Edit& edit : edits)
        if (!used.contains(&edit)) edited.misses.push_back(edit.where + ": no line begins with this");
    edited.text = apply_splices(text, std::move(splices));
    return edited;
}

Edited edit_properties(std::string_view text, const std::vector<Edit>& edits)
{
    Edited edited;
    std::vector<Splice> splices;
    std::map<std::string, std::string> added;
    std::vector<std::string> lines;
    const std::vector<Property> properties = parse_properties(text);
    for (const Edit& edit : edits) {
        bool found = false;
        for (const Property& property : properties) {
            if (property.key != edit.where) continue;
            found = true;
            if (property.value == edit.value || !accepts(edit, property.value)) continue;
            std::string value = escape_property(edit.value, false);
            if (!property.separated) value.insert(0, 1, '=');
            splices.push_back({property.value_from, property.value_to, std::move(value)});
            ++edited.changed;
        }
        if (found || edit.if_value || !added.emplace(edit.where, edit.value).second) continue;
        lines.push_back(escape_property(edit.where, true) + "=" + escape_property(edit.value, false));
        ++edited.changed;
    }
    edited.text = apply_splices(text, std::move(splices));
    append_lines(edited.text, lines, line_end_of(text));
    return edited;
}

Edited edit_ini(std::string_view text, const std::vector<Edit>& edits)
{
    Edited edited;
    std::vector<Splice> splices;
    std::map<std::string, std::vector<std::string>> new_sections;
    std::vector<std::string> order;
    std::set<std::pair<std::string, std::string>> added;
    const std::string line_end{line_end_of(text)};
    const IniFile file = parse_ini(text);
    for (const Edit& edit : edits) {
        require_one_line(edit);
        const IniKey name = ini_key(edit.where);
        bool found = false;
        for (const IniLine& line : file.lines) {
            if (line.section != name.section || line.key != name.key) continue;
            found = true;
            const std::string_view present = text.substr(line.value_from, line.value_to - line.value_from);
            if (without_quotes(present) == edit.value || !accepts(edit, without_quotes(present))) continue;
            splices.push_back({line.value_from, line.value_to, ini_value(present, edit.value)});
            ++edited.changed;
        }
        if (found || edit.if_value || !added.emplace(name.section, name.key).second) continue;
        ++edited.changed;
        std::string line = name.key + "=" + ini_value("", edit.value);
        const auto end = file.section_end.find(name.section);
        if (end == file.section_end.end()) {
            if (!new_sections.contains(name.section)) order.push_back(name.section);
            new_sections[name.section].push_back(std::move(line));
            continue;
        }
        const bool after_text = end->second > 0 && text[end->second - 1] != '\n';
        splices.push_back({end->second, end->second, after_text ? line_end + line : line + line_end});
    }
    edited.text = apply_splices(text, std::move(splices));
    for (const std::string& section : order) {
        append_lines(edited.text, {"[" + section + "]"}, line_end);
        append_lines(edited.text, new_sections[section], line_end);
    }
    return edited;
}

} // namespace agenthost::docker::files
