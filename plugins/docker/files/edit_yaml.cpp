#include "edit_parts.hpp"
#include "error.hpp"
#include "tree_editor.hpp"
#include "yaml_scan.hpp"

#include "base/ascii.hpp"
#include "base/json_string.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace agenthost::docker::files {

namespace {

// Words that YAML 1.1 or 1.2 reads as something other than text.
constexpr std::array<std::string_view, 11> special_values{"true", "false", "null", "~", "yes", "no",
                                                          "on",   "off",   "y",    "n", ".nan"};

// Whether the text may be written without quotes and still is text.
bool plain_text(std::string_view value)
{
    if (value.empty() || value.front() == ' ' || value.back() == ' ' || value.back() == ':') return false;
    if (std::string_view{"-?:,[]{}#&*!|>'\"%@`"}.find(value.front()) != std::string_view::npos) return false;
    if (value.find(": ") != std::string_view::npos || value.find(" #") != std::string_view::npos)
        return false;
    for (const char c : value)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
    const std::string lower = base::to_lower(value);
    if (std::find(special_values.begin(), special_values.end(), lower) != special_values.end()) return false;
    // Numbers in all their spellings, times and dates; an address has two dots or more.
    if (value.find_first_not_of("0123456789abcdefABCDEFxXoO_:.+-") != std::string_view::npos) return true;
    const bool digit_first =
        (value.front() >= '0' && value.front() <= '9') || value.front() == '.' || value.front() == '+';
    return !digit_first ||
           (std::count(value.begin(), value.end(), '.') >= 2 && value.find('_') == std::string_view::npos);
}

std::string double_quoted(const std::string& value)
{
    std::string out;
    base::append_json_string(out, value);
    return out;
}

std::string yaml_value(const Edit& edit, YamlNode::Kind present)
{
    const std::string& value = edit.value;
    if (!edit.quoted) return value;
    if (present == YamlNode::Kind::dquoted) return double_quoted(value);
    const bool printable =
        std::none_of(value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    if (present == YamlNode::Kind::single && printable) {
        std::string out = "'";
        for (const char c : value) out += c == '\'' ? "''" : std::string(1, c);
        return out += '\'';
    }
    if (looks_plain(value) || plain_text(value)) return value;
    return double_quoted(value);
}

std::string yaml_key(const std::string& key) { return plain_text(key) ? key : double_quoted(key); }

std::string present_text(std::string_view text, const YamlNode& node)
{
    const std::string_view raw = text.substr(node.from, node.to - node.from);
    if (node.kind == YamlNode::Kind::dquoted) return unescape_json(raw);
    if (node.kind != YamlNode::Kind::single) return std::string{raw};
    std::string out;
    for (std::size_t i = 1; i + 1 < raw.size(); ++i) {
        out += raw[i];
        if (raw[i] == '\'') ++i;
    }
    return out;
}

class YamlEditor final : public TreeEditor<YamlNode> {
    using Kind = YamlNode::Kind;

public:
    explicit YamlEditor(std::string_view text)
        : TreeEditor{text, scan_yaml(text)}, line_end_{line_end_of(text)}
    {}

private:
    std::string cannot_set(const YamlNode& at) const override
    {
        if (at.kind == Kind::other) return at.why;
        return at.kind == Kind::map || at.kind == Kind::list ? "the value there is a mapping or a list" : "";
    }
    std::string cannot_add(const YamlNode& at) const override
    {
        if (at.kind == Kind::other) return at.why;
        return at.kind == Kind::map || at.kind == Kind::null ? "" : "a part of the place is not a mapping";
    }
    std::string value_of(const YamlNode& at) const override { return present_text(text(), at); }
    bool replace(const YamlNode& at, const Edit& edit) override
    {
        const bool null = at.kind == Kind::null;
        if (value_of(at) == edit.value && !null) return false;
        splice(at.from, at.to, (null ? " " : "") + yaml_value(edit, at.kind));
        return true;
    }
    bool waits(const YamlNode& at, bool same_key) const override { return same_key || at.kind == Kind::null; }

    void add(std::size_t id, const std::vector<WhereStep>& steps, std::size_t step, const Edit& edit) override
    {
        const YamlNode& at = node(id);
        std::size_t indent = at.kind == Kind::null ? at.indent + 2 : at.indent;
        std::string lines;
        for (std::size_t i = step; i < steps.size(); ++i, indent += 2) {
            lines.append(indent, ' ');
            lines += yaml_key(steps[i].key) + ":";
            if (i + 1 == steps.size()) lines += " " + yaml_value(edit, Kind::plain);
            lines += line_end_;
        }
        const bool after_text = at.end > 0 && text()[at.end - 1] != '\n';
        if (after_text) { // keep the missing final newline missing
            lines.insert(0, line_end_);
            lines.resize(lines.size() - line_end_.size());
        }
        splice(at.end, at.end, std::move(lines));
    }

    std::string_view line_end_;
};

} // namespace

Edited edit_yaml(std::string_view text, const std::vector<Edit>& edits)
{
    for (const Edit& edit : edits)
        if (edit.where.find_first_of("\t") != std::string::npos)
            fail("CONFIG_INVALID", escape_name(edit.where) + ": the place has a tab. Remove it.");
    return edit_in_rounds(text, edits, [](std::string_view now, const std::vector<Edit>& some) {
        YamlEditor editor{now};
        for (const Edit& edit : some) editor.apply(edit);
        return editor.finish();
    });
}

} // namespace agenthost::docker::files
