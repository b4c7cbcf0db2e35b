#include "yaml_scan.hpp"

#include "edit_parts.hpp"

#include "base/trim.hpp"

#include <algorithm>
#include <optional>

namespace agenthost::docker::files {

namespace {

// A line with content. `from` and `indent` move past "- " when the line is an item of a list.
struct YamlLine {
    std::size_t from = 0, to = 0, next = 0, indent = 0;
    bool tab = false; // in the indentation
};

bool is_blank(char c) { return c == ' ' || c == '\t'; }

class YamlScanner {
public:
    explicit YamlScanner(std::string_view text) : text_{text}
    {
        for (const Line& line : split_lines(text)) {
            if (const auto found = with_content(line)) {
                if (found->indent == 0 && is_mark(line.of(text))) {
                    if (!lines_.empty()) break; // the next document
                    continue;
                }
                lines_.push_back(*found);
            }
        }
    }

    std::vector<YamlNode> run()
    {
        nodes_.emplace_back();
        if (lines_.empty()) {
            nodes_[0].kind = YamlNode::Kind::map;
            nodes_[0].end = text_.size();
            return std::move(nodes_);
        }
        block(0, lines_[0].indent, 0);
        if (at_ < lines_.size()) fail_here("the indentation fits no block above");
        return std::move(nodes_);
    }

private:
    [[nodiscard]] std::optional<YamlLine> with_content(const Line& line) const
    {
        std::size_t from = line.from;
        while (from < line.to && text_[from] == ' ') ++from;
        std::size_t first = from;
        while (first < line.to && is_blank(text_[first])) ++first;
        if (first == line.to || text_[first] == '#') return std::nullopt;
        return YamlLine{first, line.to, line.next, from - line.from, first != from};
    }
    [[nodiscard]] static bool is_mark(std::string_view line)
    {
        return line == "---" || line.starts_with("--- #") || line == "..." || line.starts_with("%");
    }

    [[nodiscard]] const YamlLine& line() const { return lines_[at_]; }
    [[nodiscard]] std::string_view content() const
    {
        return text_.substr(line().from, line().to - line().from);
    }
    [[nodiscard]] bool is_item() const
    {
        const std::string_view text = content();
        return text.front() == '-' && (text.size() == 1 || is_blank(text[1]));
    }
    [[noreturn]] void fail_here(const std::string& why) const { fail_parse(text_, line().from, why); }

    // The block that begins at the current line goes into node `id`.
    void block(std::size_t id, std::size_t indent, std::size_t depth)
    {
        if (depth > max_edit_nesting) fail_here("the YAML is nested too deeply");
        if (line().tab) fail_here("a tab is used for indentation");
        if (is_item()) return list(id, indent, depth);
        if (key_end() != std::string_view::npos) return map(id, indent, depth);
        // A scalar as document or as item.
        const std::size_t parent = indent == 0 ? 0 : indent - 1;
        scalar(id, line().from, parent);
    }

    void map(std::size_t id, std::size_t indent, std::size_t depth)
    {
        nodes_[id].kind = YamlNode::Kind::map;
        nodes_[id].indent = indent;
        while (at_ < lines_.size() && !line().tab && line().indent == indent && !is_item()) {
            const std::size_t colon = key_end();
            if (colon == std::string_view::npos) fail_here("a key with a colon is expected");
            std::string key = key_text(content().substr(0, colon));
            const std::size_t value = nodes_.size();
            nodes_.emplace_back();
            member_value(value, line().from + colon + 1, indent, depth);
            nodes_[id].members.emplace_back(std::move(key), value);
            nodes_[id].end = end_;
        }
        check_indent(indent);
    }

    void list(std::size_t id, std::size_t indent, std::size_t depth)
    {
        nodes_[id].kind = YamlNode::Kind::list;
        while (at_ < lines_.size() && !line().tab && line().indent == indent && is_item()) {
            const std::size_t item = nodes_.size();
            nodes_.emplace_back();
            nodes_[id].elements.push_back(item);
            YamlLine& here = lines_[at_];
            std::size_t rest = here.from + 1;
            while (rest < here.to && is_blank(text_[rest])) ++rest;
            if (rest == here.to || text_[rest] == '#') {
                nested_or_null(item, here.from + 1, indent, false, depth);
                continue;
            }
            here.indent += rest - here.from;
            here.from = rest;
            block(item, here.indent, depth + 1);
        }
        nodes_[id].end = end_;
        check_indent(indent);
    }

    void check_indent(std::size_t indent) const
    {
        if (at_ < lines_.size() && !line().tab && line().indent > indent)
            fail_here("the indentation fits no block above");
        if (at_ < lines_.size() && line().tab) fail_here("a tab is used for indentation");
    }

    // What follows "key:".
    void member_value(std::size_t id, std::size_t at, std::size_t indent, std::size_t depth)
    {
        std::size_t from = at;
        while (from < line().to && is_blank(text_[from])) ++from;
        if (from == line().to || (text_[from] == '#' && from > at))
            return nested_or_null(id, at, indent, true, depth);
        scalar(id, from, indent);
    }

    // A block on the next lines, or nothing.
    void nested_or_null(std::size_t id, std::size_t at, std::size_t indent, bool list_may_align,
                        std::size_t depth)
    {
        end_ = line().next;
        ++at_;
        const bool deeper = at_ < lines_.size() && line().indent > indent;
        const bool aligned = at_ < lines_.size() && list_may_align && line().indent == indent && is_item();
        if (deeper || aligned) return block(id, line().indent, depth + 1);
        nodes_[id].kind = YamlNode::Kind::null;
        nodes_[id].from = nodes_[id].to = at;
        nodes_[id].indent = indent;
        nodes_[id].end = end_;
    }

    // Everything of this value on this line and on deeper lines.
    void step_over(std::size_t indent)
    {
        end_ = line().next;
        ++at_;
        while (at_ < lines_.size() && line().indent > indent) {
            end_ = line().next;
            ++at_;
        }
    }
    void other(std::size_t id, std::size_t indent, std::string why)
    {
        nodes_[id].kind = YamlNode::Kind::other;
        nodes_[id].why = std::move(why);
        step_over(indent);
        // A list below an anchored key may be aligned with it.
        while (at_ < lines_.size() && line().indent == indent && is_item() && nodes_[id].why == anchored)
            step_over(indent);
    }

    void scalar(std::size_t id, std::size_t from, std::size_t indent)
    {
        const char c = text_[from];
        if (c == '|' || c == '>') return other(id, indent, "the value is a block of text");
        if (c == '&' || c == '!' || c == '*') return other(id, indent, anchored);
        if (c == '{' || c == '[') return flow(id, from);
        if (c == '"' || c == '\'') return quoted(id, from, indent);
        std::size_t to = from;
        while (to < line().to && !(text_[to] == '#' && is_blank(text_[to - 1]))) {
            if (text_[to] == ':' && to + 1 < line().to && is_blank(text_[to + 1]))
                fail_parse(text_, to, "a value with a colon and a blank needs quotes");
            ++to;
        }
        while (to > from && is_blank(text_[to - 1])) --to;
        if (continued(indent)) return other(id, indent, "the value has several lines");
        end_scalar(id, YamlNode::Kind::plain, from, to);
    }

    [[nodiscard]] bool continued(std::size_t indent) const
    {
        return at_ + 1 < lines_.size() && lines_[at_ + 1].indent > indent;
    }

    void end_scalar(std::size_t id, YamlNode::Kind kind, std::size_t from, std::size_t to)
    {
        nodes_[id].kind = kind;
        nodes_[id].from = from;
        nodes_[id].to = to;
        end_ = line().next;
        ++at_;
    }

    void quoted(std::size_t id, std::size_t from, std::size_t indent)
    {
        const std::size_t to = quote_end(from, line().to);
        if (to == std::string_view::npos) return other(id, indent, "the value has several lines");
        std::size_t rest = to;
        while (rest < line().to && is_blank(text_[rest])) ++rest;
        if (rest < line().to && text_[rest] != '#')
            fail_parse(text_, rest, "there is text after a quoted value");
        end_scalar(id, text_[from] == '"' ? YamlNode::Kind::dquoted : YamlNode::Kind::single, from, to);
    }

    // The position after the closing quote; npos if it is not before `limit`.
    [[nodiscard]] std::size_t quote_end(std::size_t from, std::size_t limit) const
    {
        const char quote = text_[from];
        for (std::size_t i = from + 1; i < limit; ++i) {
            if (quote == '"' && text_[i] == '\\') {
                ++i;
            } else if (text_[i] == quote) {
                if (quote == '\'' && i + 1 < limit && text_[i + 1] == '\'') {
                    ++i;
                } else {
                    return i + 1;
                }
            }
        }
        return std::string_view::npos;
    }

    void flow(std::size_t id, std::size_t from)
    {
        std::size_t open = 0, at = from;
        for (; at < text_.size(); ++at) {
            const char c = text_[at];
            if (c == '"' || c == '\'') {
                at = quote_end(at, text_.size());
                if (at == std::string_view::npos) fail_parse(text_, from, "a string has no end");
                --at;
            } else if (c == '#' && is_blank(text_[at - 1])) {
                at = std::min(text_.find('\n', at), text_.size() - 1);
            } else if (c == '{' || c == '[') {
                ++open;
            } else if ((c == '}' || c == ']') && --open == 0) {
                break;
            }
        }
        if (at >= text_.size()) fail_parse(text_, from, "a bracket has no end");
        nodes_[id].kind = YamlNode::Kind::other;
        nodes_[id].why = "the value is in brackets";
        while (at_ < lines_.size() && line().from <= at) {
            end_ = line().next;
            ++at_;
        }
    }

    // The colon that ends the key of the current line; npos: no colon.
    [[nodiscard]] std::size_t key_end() const
    {
        const std::string_view text = content();
        std::size_t at = 0;
        if (text.front() == '"' || text.front() == '\'') {
            const std::size_t end = quote_end(line().from, line().to);
            if (end == std::string_view::npos) return std::string_view::npos;
            at = end - line().from;
            while (at < text.size() && is_blank(text[at])) ++at;
            return at < text.size() && text[at] == ':' ? at : std::string_view::npos;
        }
        if (std::string_view{"[{&*!|>%@`?,"}.find(text.front()) != std::string_view::npos)
            return std::string_view::npos;
        for (; at < text.size(); ++at) {
            if (text[at] == '#' && at > 0 && is_blank(text[at - 1])) break;
            if (text[at] == ':' && (at + 1 == text.size() || is_blank(text[at + 1]))) return at;
        }
        return std::string_view::npos;
    }

    static std::string key_text(std::string_view key)
    {
        key = base::trim(key);
        if (key.size() >= 2 && key.front() == '"') return unescape_json(key);
        if (key.size() >= 2 && key.front() == '\'') return std::string{key.substr(1, key.size() - 2)};
        return std::string{key};
    }

    static constexpr const char* anchored = "the value has an anchor, an alias or a tag";

    std::string_view text_;
    std::vector<YamlLine> lines_;
    std::size_t at_ = 0, end_ = 0;
    std::vector<YamlNode> nodes_;
};

} // namespace

std::vector<YamlNode> scan_yaml(std::string_view text) { return YamlScanner{text}.run(); }

} // namespace agenthost::docker::files
