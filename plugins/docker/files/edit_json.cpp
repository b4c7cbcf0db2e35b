// JSON: a scanner that knows where every value is, so that only the value's own text is replaced.
#include "edit_parts.hpp"
#include "error.hpp"
#include "tree_editor.hpp"

#include "base/json_string.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::docker::files {

namespace {

struct JsonNode {
    enum class Kind { object, list, text, plain } kind = Kind::plain;
    std::size_t from = 0, to = 0;                             // of the value's text
    std::vector<std::pair<std::string, std::size_t>> members; // of an object: key and index of the node
    std::vector<std::size_t> elements;
    std::size_t first_key = 0; // where the first member begins, for its indentation
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Strict JSON, and the comments (// and /* */) that some games write.
class JsonScanner {
public:
    explicit JsonScanner(std::string_view text) : text_{text} {}

    std::vector<JsonNode> run()
    {
        value(0);
        blanks();
        if (at_ != text_.size()) fail_parse(text_, at_, "there is more text after the JSON value");
        return std::move(nodes_);
    }

private:
    void blanks()
    {
        while (at_ < text_.size()) {
            if (is_space(text_[at_])) {
                ++at_;
            } else if (text_.substr(at_, 2) == "//") {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else if (text_.substr(at_, 2) == "/*") {
                const auto end = text_.find("*/", at_ + 2);
                if (end == std::string_view::npos) fail_parse(text_, at_, "a comment has no end");
                at_ = end + 2;
            } else {
                return;
            }
        }
    }
    char peek()
    {
        blanks();
        if (at_ >= text_.size()) fail_parse(text_, at_, "the JSON ends too early");
        return text_[at_];
    }

    std::size_t value(std::size_t depth)
    {
        if (depth > max_edit_nesting) fail_parse(text_, at_, "the JSON is nested too deeply");
        const char c = peek();
        const std::size_t id = nodes_.size();
        nodes_.emplace_back();
        nodes_[id].from = at_;
        if (c == '{') {
            object(id, depth);
        } else if (c == '[') {
            list(id, depth);
        } else if (c == '"') {
            nodes_[id].kind = JsonNode::Kind::text;
            skip_string();
        } else {
            skip_plain();
        }
        nodes_[id].to = at_;
        return id;
    }

    void object(std::size_t id, std::size_t depth)
    {
        nodes_[id].kind = JsonNode::Kind::object;
        ++at_;
        if (peek() == '}') {
            ++at_;
            return;
        }
        nodes_[id].first_key = at_;
        for (;;) {
            if (peek() != '"') fail_parse(text_, at_, "a member of an object needs a quoted key");
            const std::size_t from = at_;
            skip_string();
            std::string key = unescape_json(text_.substr(from, at_ - from));
            if (peek() != ':') fail_parse(text_, at_, "a colon is missing after a key");
            ++at_;
            const std::size_t member = value(depth + 1);
            nodes_[id].members.emplace_back(std::move(key), member);
            if (!comma_or('}')) return;
        }
    }

    void list(std::size_t id, std::size_t depth)
    {
        nodes_[id].kind = JsonNode::Kind::list;
        ++at_;
        if (peek() == ']') {
            ++at_;
            return;
        }
        for (;;) {
            const std::size_t element = value(depth + 1);
            nodes_[id].elements.push_back(element);
            if (!comma_or(']')) return;
        }
    }

    bool comma_or(char close)
    {
        const char c = peek();
        if (c != ',' && c != close) fail_parse(text_, at_, "a comma or closing bracket is missing");
        ++at_;
        return c == ',';
    }

    void skip_string()
    {
        for (++at_; at_ < text_.size(); ++at_) {
            if (text_[at_] == '"') {
                ++at_;
                return;
            }
            if (text_[at_] == '\n') break;
            if (text_[at_] == '\\') ++at_;
        }
        fail_parse(text_, at_, "a string has no end");
    }

    void skip_plain()
    {
        const std::size_t from = at_;
        while (at_ < text_.size() && !is_space(text_[at_]) && text_[at_] != ',' && text_[at_] != '}' &&
               text_[at_] != ']' && text_[at_] != ':' && text_[at_] != '/')
            ++at_;
        const std::string_view literal = text_.substr(from, at_ - from);
        if (literal.empty() ||
            (literal.find_first_not_of("+-.eE0123456789") != std::string_view::npos && !looks_plain(literal)))
            fail_parse(text_, from, "there is something that is no JSON value");
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::vector<JsonNode> nodes_;
};

class JsonEditor final : public TreeEditor<JsonNode> {
public:
    explicit JsonEditor(std::string_view text) : TreeEditor{text, JsonScanner{text}.run()} {}

private:
    std::string cannot_set(const JsonNode& at) const override
    {
        const bool tree = at.kind == JsonNode::Kind::object || at.kind == JsonNode::Kind::list;
        return tree ? "the value there is an object or a list" : "";
    }
    std::string cannot_add(const JsonNode& at) const override
    {
        return at.kind == JsonNode::Kind::object ? "" : "a part of the place is not an object";
    }
    std::string_view written(const JsonNode& at) const { return text().substr(at.from, at.to - at.from); }
    std::string value_of(const JsonNode& at) const override
    {
        return at.kind == JsonNode::Kind::plain ? std::string{written(at)} : unescape_json(written(at));
    }
    bool replace(const JsonNode& at, const Edit& edit) override
    {
        const bool plain = at.kind == JsonNode::Kind::plain;
        std::string value = json_value(edit, plain);
        if (written(at) == value || (!plain && edit.quoted && value_of(at) == edit.value)) return false;
        splice(at.from, at.to, std::move(value));
        return true;
    }
    bool waits(const JsonNode&, bool same_key) const override { return same_key; }

    // New members before the first one (no comma of an existing line changes), with its indentation.
    void add(std::size_t id, const std::vector<WhereStep>& steps, std::size_t step, const Edit& edit) override
    {
        std::string inner;
        for (std::size_t i = step; i < steps.size(); ++i) {
            if (i > step) inner += '{';
            base::append_json_string(inner, steps[i].key);
            inner += ": ";
        }
        inner += json_value(edit, true);
        inner.append(steps.size() - step - 1, '}');
        const JsonNode& at = node(id);
        if (at.members.empty())
            return splice(at.from + 1, at.from + 1, added_to(id) > 1 ? "," + inner : inner);
        // What stands before the first key: a line break with its indentation, or nothing.
        std::size_t indent = at.first_key;
        while (indent > 0 && is_space(text()[indent - 1])) --indent;
        const bool same_line = indent == at.first_key;
        splice(at.first_key, at.first_key,
               inner + "," + (same_line ? " " : std::string{text().substr(indent, at.first_key - indent)}));
    }
};

} // namespace

Edited edit_json(std::string_view text, const std::vector<Edit>& edits)
{
    // An empty file becomes an object.
    const bool empty = std::all_of(text.begin(), text.end(), is_space);
    const std::string_view body = empty ? std::string_view{"{}\n"} : text;
    return edit_in_rounds(body, edits, [](std::string_view now, const std::vector<Edit>& some) {
        JsonEditor editor{now};
        for (const Edit& edit : some) editor.apply(edit);
        return editor.finish();
    });
}

} // namespace agenthost::docker::files
