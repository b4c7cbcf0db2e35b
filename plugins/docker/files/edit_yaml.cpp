#include "edit_parts.hpp"
#include "error.hpp"
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

class YamlEditor {
public:
    explicit YamlEditor(std::string_view text)
        : text_{text}, nodes_{scan_yaml(text)}, line_end_{line_end_of(text)}
    {}

    void apply(const Edit& edit)
    {
        const std::vector<WhereStep> steps = parse_where(edit.where);
        hits_ = 0;
        why_ = "not found";
        walk(0, steps, 0, edit);
        if (hits_ == 0 && !edit.if_value) edited_.misses.push_back(edit.where + ": " + why_);
    }
    EditRound finish()
    {
        edited_.text = apply_splices(text_, std::move(splices_));
        return {std::move(edited_), std::move(later_)};
    }

private:
    void walk(std::size_t id, const std::vector<WhereStep>& steps, std::size_t step, const Edit& edit)
    {
        if (step == steps.size()) return set(id, edit);
        const YamlNode& node = nodes_[id];
        const WhereStep& want = steps[step];
        if (want.any) {
            for (const auto& [key, member] : node.members) walk(member, steps, step + 1, edit);
            for (const std::size_t element : node.elements) walk(element, steps, step + 1, edit);
            return;
        }
        if (want.index) {
            if (*want.index < node.elements.size())
                return walk(node.elements[*want.index], steps, step + 1, edit);
            why_ = "the list has no such element";
            return;
        }
        for (const auto& [key, member] : node.members)
            if (key == want.key) return walk(member, steps, step + 1, edit);
        if (edit.if_value) return;
        if (node.kind == YamlNode::Kind::other) {
            why_ = node.why;
        } else if (node.kind == YamlNode::Kind::map || node.kind == YamlNode::Kind::null) {
            add(id, steps, step, edit);
        } else {
            why_ = "a part of the place is not a mapping";
        }
    }

    void set(std::size_t id, const Edit& edit)
    {
        const YamlNode& node = nodes_[id];
        switch (node.kind) {
        case YamlNode::Kind::map:
        case YamlNode::Kind::list: why_ = "the value there is a mapping or a list"; return;
        case YamlNode::Kind::other: why_ = node.why; return;
        default: break;
        }
        ++hits_;
        const std::string present = present_text(text_, node);
        if (edit.if_value && !edit.if_value(present)) return;
        if (present == edit.value && node.kind != YamlNode::Kind::null) return;
        if (std::find(set_.begin(), set_.end(), id) != set_.end())
            return; // two edits of one value: the first counts
        set_.push_back(id);
        std::string value = yaml_value(edit, node.kind);
        if (node.kind == YamlNode::Kind::null) value.insert(0, 1, ' ');
        splices_.push_back({node.from, node.to, std::move(value)});
        ++edited_.changed;
    }

    void add(std::size_t id, const std::vector<WhereStep>& steps, std::size_t step, const Edit& edit)
    {
        for (std::size_t i = step; i < steps.size(); ++i) {
            if (!steps[i].any && !steps[i].index) continue;
            why_ = "lists and * are found, not added";
            return;
        }
        ++hits_;
        for (const auto& [map, key] : added_) {
            if (map == id && (key == steps[step].key || nodes_[id].kind == YamlNode::Kind::null)) {
                later_.push_back(edit);
                return;
            }
        }
        added_.emplace_back(id, steps[step].key);
        const YamlNode& node = nodes_[id];
        std::size_t indent = node.kind == YamlNode::Kind::null ? node.indent + 2 : node.indent;
        std::string lines;
        for (std::size_t i = step; i < steps.size(); ++i, indent += 2) {
            lines.append(indent, ' ');
            lines += yaml_key(steps[i].key) + ":";
            if (i + 1 == steps.size()) lines += " " + yaml_value(edit, YamlNode::Kind::plain);
            lines += line_end_;
        }
        const bool after_text = node.end > 0 && text_[node.end - 1] != '\n';
        if (after_text) { // keep the missing final newline missing
            lines.insert(0, line_end_);
            lines.resize(lines.size() - line_end_.size());
        }
        splices_.push_back({node.end, node.end, std::move(lines)});
        ++edited_.changed;
    }

    std::string_view text_;
    std::vector<YamlNode> nodes_;
    std::string_view line_end_;
    std::vector<Splice> splices_;
    std::vector<std::pair<std::size_t, std::string>> added_;
    std::vector<std::size_t> set_;
    Edited edited_;
    std::vector<Edit> later_;
    std::size_t hits_ = 0;
    std::string why_;
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
