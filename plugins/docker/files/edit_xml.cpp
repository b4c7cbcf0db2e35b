// XML: text of elements and attributes. A scanner for well-formed files without a DTD's entities.
#include "edit_parts.hpp"
#include "error.hpp"

#include "base/trim.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::docker::files {

namespace {

struct Element {
    std::string name;
    std::size_t depth = 0, parent = 0;
    std::size_t tag_from = 0, tag_to = 0; // <name ...>
    std::size_t text_from = 0, text_to = 0;
    bool closed = false; // <name/>
    bool has_children = false;
};

std::string escape_xml(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        default: out += c;
        }
    }
    return out;
}

std::string unescape_xml(std::string_view text)
{
    static constexpr std::pair<std::string_view, char> entities[] = {
        {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        bool found = false;
        for (const auto& [entity, c] : entities) {
            if (!text.substr(i).starts_with(entity)) continue;
            out += c;
            i += entity.size();
            found = true;
            break;
        }
        if (!found) out += text[i++];
    }
    return out;
}

class XmlScanner {
public:
    explicit XmlScanner(std::string_view text) : text_{text} {}

    std::vector<Element> run()
    {
        for (std::size_t at = text_.find('<'); at < text_.size(); at = text_.find('<', at)) at = markup(at);
        if (!open_.empty()) fail_parse(text_, elements_[open_.back()].tag_from, "an element has no end");
        if (elements_.empty()) fail_parse(text_, 0, "the file contains no XML element");
        return std::move(elements_);
    }

private:
    std::size_t skip_to(std::size_t at, std::string_view end)
    {
        const auto found = text_.find(end, at);
        if (found == std::string_view::npos) fail_parse(text_, at, "a comment or instruction has no end");
        return found + end.size();
    }

    std::size_t markup(std::size_t at)
    {
        const std::string_view rest = text_.substr(at);
        if (rest.starts_with("<!--")) return skip_to(at + 4, "-->");
        if (rest.starts_with("<![CDATA[")) return skip_to(at + 9, "]]>");
        if (rest.starts_with("<?")) return skip_to(at + 2, "?>");
        if (rest.starts_with("<!")) return skip_to(at + 2, ">");
        if (rest.starts_with("</")) return end_tag(at);
        return start_tag(at);
    }

    std::size_t end_tag(std::size_t at)
    {
        const std::size_t to = skip_to(at, ">");
        const std::string_view name = base::trim(text_.substr(at + 2, to - at - 3));
        if (open_.empty() || elements_[open_.back()].name != name)
            fail_parse(text_, at, "an end tag has no start tag");
        elements_[open_.back()].text_to = at;
        open_.pop_back();
        return to;
    }

    std::size_t start_tag(std::size_t at)
    {
        std::size_t to = at + 1;
        for (char quote = 0; to < text_.size() && (quote != 0 || text_[to] != '>'); ++to) {
            const char c = text_[to];
            if (quote != 0) {
                if (c == quote) quote = 0;
            } else if (c == '"' || c == '\'') {
                quote = c;
            } else if (c == '<') {
                break;
            }
        }
        if (to >= text_.size() || text_[to] != '>') fail_parse(text_, at, "a tag has no end");
        ++to;
        if (open_.size() >= max_edit_nesting) fail_parse(text_, at, "the XML is nested too deeply");
        Element element;
        const auto name_end = text_.find_first_of(" \t\r\n/>", at + 1);
        element.name = std::string{text_.substr(at + 1, name_end - at - 1)};
        if (element.name.empty()) fail_parse(text_, at, "a tag has no name");
        element.depth = open_.size();
        element.tag_from = at;
        element.tag_to = element.text_from = element.text_to = to;
        element.closed = text_[to - 2] == '/';
        if (!open_.empty()) {
            element.parent = open_.back();
            elements_[open_.back()].has_children = true;
        }
        elements_.push_back(element);
        if (!element.closed) open_.push_back(elements_.size() - 1);
        return to;
    }

    std::string_view text_;
    std::vector<Element> elements_;
    std::vector<std::size_t> open_;
};

// "[key='text']" or "[key=\"text\"]".
bool read_attribute(const std::string& value, std::string& key, std::string& text)
{
    if (value.size() < 5 || value.front() != '[' || value.back() != ']') return false;
    const auto equals = value.find('=');
    if (equals == std::string::npos || equals + 3 > value.size() - 1) return false;
    const char quote = value[equals + 1];
    if ((quote != '\'' && quote != '"') || value[value.size() - 2] != quote) return false;
    key = value.substr(1, equals - 1);
    text = value.substr(equals + 2, value.size() - equals - 4);
    return !key.empty() && key.find_first_of(" \t<>\"'/") == std::string::npos;
}

class XmlEditor {
public:
    XmlEditor(std::string_view text, std::vector<Element> elements)
        : text_{text}, elements_{std::move(elements)}
    {}

    void apply(const Edit& edit)
    {
        const std::vector<WhereStep> steps = parse_where(edit.where);
        bool found = false;
        for (std::size_t i = 0; i < elements_.size(); ++i) {
            if (!matches(i, steps)) continue;
            found = true;
            change(elements_[i], edit);
        }
        if (!found && !edit.if_value) edited_.misses.push_back(edit.where + ": the element does not exist");
    }
    Edited finish()
    {
        edited_.text = apply_splices(text_, std::move(splices_));
        return std::move(edited_);
    }

private:
    [[nodiscard]] bool matches(std::size_t id, const std::vector<WhereStep>& steps) const
    {
        if (elements_[id].depth + 1 != steps.size()) return false;
        for (std::size_t step = steps.size(); step-- > 0; id = elements_[id].parent)
            if (!steps[step].any && steps[step].key != elements_[id].name) return false;
        return true;
    }

    void change(const Element& element, const Edit& edit)
    {
        std::string key, text;
        if (read_attribute(edit.value, key, text)) return attribute(element, key, text);
        if (element.has_children) {
            edited_.misses.push_back(edit.where + ": the element has elements inside");
            return;
        }
        const std::string_view raw = text_.substr(element.text_from, element.text_to - element.text_from);
        if (raw.find('<') != std::string_view::npos) {
            edited_.misses.push_back(edit.where + ": the element has a comment or CDATA inside");
            return;
        }
        const std::string present = unescape_xml(raw);
        if (present == edit.value || (edit.if_value && !edit.if_value(present))) return;
        ++edited_.changed;
        if (!element.closed) {
            splices_.push_back({element.text_from, element.text_to, escape_xml(edit.value)});
            return;
        }
        std::size_t slash = element.tag_to - 2;
        while (slash > element.tag_from && (text_[slash - 1] == ' ' || text_[slash - 1] == '\t')) --slash;
        splices_.push_back({slash, element.tag_to, ">" + escape_xml(edit.value) + "</" + element.name + ">"});
    }

    void attribute(const Element& element, const std::string& key, const std::string& value)
    {
        const std::string_view tag = text_.substr(element.tag_from, element.tag_to - element.tag_from);
        for (std::size_t at = element.name.size() + 1; at < tag.size();) {
            const auto equals = tag.find('=', at);
            if (equals == std::string_view::npos) break;
            auto name_from = tag.find_last_of(" \t\r\n", equals);
            const std::string_view name = base::trim(tag.substr(name_from + 1, equals - name_from - 1));
            const auto open = tag.find_first_of("\"'", equals);
            const auto close = open == std::string_view::npos ? open : tag.find(tag[open], open + 1);
            if (close == std::string_view::npos) break;
            at = close + 1;
            if (name != key) continue;
            if (unescape_xml(tag.substr(open + 1, close - open - 1)) == value) return;
            splices_.push_back(
                {element.tag_from + open, element.tag_from + close + 1, '"' + escape_xml(value) + '"'});
            ++edited_.changed;
            return;
        }
        const std::size_t end = element.tag_from + 1 + element.name.size();
        splices_.push_back({end, end, " " + key + "=\"" + escape_xml(value) + "\""});
        ++edited_.changed;
    }

    std::string_view text_;
    std::vector<Element> elements_;
    std::vector<Splice> splices_;
    Edited edited_;
};

} // namespace

Edited edit_xml(std::string_view text, const std::vector<Edit>& edits)
{
    XmlEditor editor{text, XmlScanner{text}.run()};
    for (const Edit& edit : edits) editor.apply(edit);
    return editor.finish();
}

} // namespace agenthost::docker::files
