// JSON: a scanner that knows where every value is, so that only the value's own text is replaced.
#include "edit_parts.hpp"
#include "error.hpp"

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

class JsonEditor {
public:
    JsonEditor(std::string_view text, std::vector<JsonNode> nodes) : text_{text}, nodes_{std::move(nodes)} {}

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
        const JsonNode& node = nodes_[id];
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
        bool found = false;
        for (const auto& [key, member] : node.members) {
            if (key != want.key) continue;
            found = true;
            walk(member, steps, step + 1, edit);
        }
        if (found || edit.if_value) return;
        if (node.kind != JsonNode::Kind::object) {
            why_ = "a part of the place is not an object";
            return;
        }
        add(id, steps, step, edit);
    }

    void set(std::size_t id, const Edit& edit)
    {
        const JsonNode& node = nodes_[id];
        if (node.kind == JsonNode::Kind::object || node.kind == JsonNode::Kind::list) {
            why_ = "the value there is an object or a list";
            return;
        }
        ++hits_;
        const std::string_view present = text_.substr(node.from, node.to - node.from);
        const bool plain = node.kind == JsonNode::Kind::plain;
        if (edit.if_value && !edit.if_value(plain ? std::string{present} : unescape_json(present))) return;
        std::string value = json_value(edit, plain);
        if (present == value || (!plain && edit.quoted && unescape_json(present) == edit.value)) return;
        splices_.push_back({node.from, node.to, std::move(value)});
        ++edited_.changed;
    }

    // New members before the first one (no comma of an existing line changes), with its indentation.
    void add(std::size_t id, const std::vector<WhereStep>& steps, std::size_t step, const Edit& edit)
    {
        for (std::size_t i = step; i < steps.size(); ++i) {
            if (!steps[i].any && !steps[i].index) continue;
            why_ = "lists and * are found, not added";
            return;
        }
        for (const auto& [object, key] : added_)
            if (object == id && key == steps[step].key) {
                later_.push_back(edit);
                ++hits_;
                return;
            }
        added_.emplace_back(id, steps[step].key);
        std::string inner;
        for (std::size_t i = step; i < steps.size(); ++i) {
            if (i > step) inner += '{';
            base::append_json_string(inner, steps[i].key);
            inner += ": ";
        }
        inner += json_value(edit, true);
        inner.append(steps.size() - step - 1, '}');
        const JsonNode& node = nodes_[id];
        ++hits_;
        ++edited_.changed;
        if (node.members.empty()) {
            const bool again =
                std::count_if(added_.begin(), added_.end(), [&](const auto& a) { return a.first == id; }) > 1;
            splices_.push_back({node.from + 1, node.from + 1, again ? "," + inner : inner});
            return;
        }
        // What stands before the first key: a line break with its indentation, or nothing.
        std::size_t indent = node.first_key;
        while (indent > 0 && is_space(text_[indent - 1])) --indent;
        splices_.push_back({node.first_key, node.first_key,
                            inner + "," + std::string{text_.substr(indent, node.first_key - indent)}});
        if (indent == node.first_key) splices_.back().text += ' ';
    }

    std::string_view text_;
    std::vector<JsonNode> nodes_;
    std::vector<Splice> splices_;
    std::vector<std::pair<std::size_t, std::string>> added_;
    Edited edited_;
    std::vector<Edit> later_;
    std::size_t hits_ = 0;
    std::string why_;
};

} // namespace

Edited edit_json(std::string_view text, const std::vector<Edit>& edits)
{
    // An empty file becomes an object.
    const bool empty = std::all_of(text.begin(), text.end(), is_space);
    const std::string_view body = empty ? std::string_view{"{}\n"} : text;
    return edit_in_rounds(body, edits, [](std::string_view now, const std::vector<Edit>& some) {
        JsonEditor editor{now, JsonScanner{now}.run()};
        for (const Edit& edit : some) editor.apply(edit);
        return editor.finish();
    });
}

} // namespace agenthost::docker::files
