#include "value.hpp"

#include "base/utf8.hpp"
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <unordered_map>

namespace agenthost::host::conf {

const Member* Value::find(std::string_view key) const
{
    for (const Member& member : members)
        if (member.key == key) return &member;
    return nullptr;
}

Member* Value::find(std::string_view key) { return const_cast<Member*>(std::as_const(*this).find(key)); }

std::string describe(const Value& value)
{
    switch (value.kind) {
    case Value::Kind::null: return "nothing";
    case Value::Kind::list: return "a list";
    case Value::Kind::map: return "a map";
    case Value::Kind::scalar: break;
    }
    constexpr std::size_t max_shown = 60;
    if (value.text.size() <= max_shown) return '"' + value.text + '"';
    return '"' + value.text.substr(0, max_shown) + "...\"";
}

namespace {

// Thrown through yaml-cpp to stop parsing when a limit is exceeded.
struct Refused {
    Where where;
    std::string text;
};

// The cost of an alias: its nodes, with a long text counted as several.
std::size_t weight(const Value& value)
{
    std::size_t sum = 1 + value.text.size() / 64;
    for (const Value& item : value.items) sum += weight(item);
    for (const Member& member : value.members) sum += 1 + weight(member.value);
    return sum;
}

int depth(const Value& value)
{
    int deepest = 0;
    for (const Value& item : value.items) deepest = std::max(deepest, depth(item));
    for (const Member& member : value.members) deepest = std::max(deepest, depth(member.value));
    return deepest + 1;
}

// Builds the tree from yaml-cpp's events. More than 25 members: each event and each limit is one.
class Builder : public YAML::EventHandler {
public:
    Builder(const Source& source, Problems& problems) : source_{source}, problems_{problems} {}

    Value take() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark& mark) override
    {
        if (++documents_ > 1)
            throw Refused{at(mark), "a second document (---) in this file; put it into a file of conf.d"};
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override
    {
        Value value;
        value.where = at(mark);
        finish(std::move(value), anchor);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override
    {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) throw Refused{at(mark), "this alias stands inside what it refers to"};
        count(at(mark), weight(found->second));
        if (depth(found->second) + static_cast<int>(open_.size()) > max_depth) too_deep(at(mark));
        add(found->second);
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& text) override
    {
        Value value;
        value.kind = Value::Kind::scalar;
        value.where = at(mark);
        value.text = text;
        value.plain = tag.empty() || tag == "?";
        if (!value.plain && tag != "!" && !tag.ends_with(":str")) check_tag(value, tag);
        finish(std::move(value), anchor);
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override
    {
        begin(Value::Kind::list, mark, tag, anchor);
    }
    void OnSequenceEnd() override { end(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override
    {
        begin(Value::Kind::map, mark, tag, anchor);
    }
    void OnMapEnd() override { end(); }

private:
    struct Open {
        Value value;
        YAML::anchor_t anchor = 0;
        std::optional<Value> key;                           // a key whose value is not read yet
        std::unordered_map<std::string, std::size_t> known; // key -> index in members
        std::vector<Value> merges;                          // values of "<<"
    };

    Where at(const YAML::Mark& mark) const { return {&source_, mark.line + 1, mark.column + 1}; }

    void count(const Where& where, std::size_t nodes)
    {
        nodes_ += nodes;
        if (nodes_ > max_nodes)
            throw Refused{where, "more than " + std::to_string(max_nodes) +
                                     " values (aliases count as what they stand for)"};
    }
    [[noreturn]] static void too_deep(const Where& where)
    {
        throw Refused{where, "nested deeper than " + std::to_string(max_depth) + " levels"};
    }

    void check_tag(Value& value, const std::string& tag)
    {
        for (const char* core : {":int", ":float", ":bool", ":null"})
            if (tag.ends_with(core)) {
                value.plain = true;
                return;
            }
        problems_.add(value.where, "the tag " + tag + " means nothing here; leave it out");
    }

    void begin(Value::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor)
    {
        if (static_cast<int>(open_.size()) >= max_depth) too_deep(at(mark));
        Open open;
        open.value.kind = kind;
        open.value.where = at(mark);
        open.anchor = anchor;
        if (tag.size() > 1 && !tag.ends_with(":seq") && !tag.ends_with(":map")) check_tag(open.value, tag);
        open_.push_back(std::move(open));
    }

    void end()
    {
        Open open = std::move(open_.back());
        open_.pop_back();
        for (const Value& merge : open.merges) apply_merge(open, merge);
        finish(std::move(open.value), open.anchor);
    }

    // "<<: *base" or "<<: [*a, *b]": adds the keys that are missing.
    void apply_merge(Open& into, const Value& merge)
    {
        if (merge.kind == Value::Kind::list) {
            for (const Value& item : merge.items) apply_merge(into, item);
        } else if (merge.kind == Value::Kind::map) {
            for (const Member& member : merge.members)
                if (into.known.emplace(member.key, into.value.members.size()).second)
                    into.value.members.push_back(member);
        } else {
            problems_.add(merge.where, "\"<<\" takes a map or a list of maps, not " + describe(merge));
        }
    }

    void finish(Value value, YAML::anchor_t anchor)
    {
        if (anchor) anchors_[anchor] = value;
        count(value.where, 1);
        add(std::move(value));
    }

    void add(Value value)
    {
        if (open_.empty()) {
            root_ = std::move(value);
            return;
        }
        Open& top = open_.back();
        if (top.value.kind == Value::Kind::list) {
            top.value.items.push_back(std::move(value));
        } else if (!top.key) {
            if (value.kind != Value::Kind::scalar)
                problems_.add(value.where, "a key must be text, not " + describe(value));
            top.key = std::move(value);
        } else {
            Value key = std::move(*top.key);
            top.key.reset();
            add_member(top, std::move(key), std::move(value));
        }
    }

    void add_member(Open& top, Value key, Value value)
    {
        if (key.kind != Value::Kind::scalar) return; // reported
        if (key.text == "<<" && key.plain) {
            top.merges.push_back(std::move(value));
            return;
        }
        const auto [known, fresh] = top.known.emplace(key.text, top.value.members.size());
        if (!fresh) {
            const int line = top.value.members[known->second].where.line;
            problems_.add(key.where, "the key \"" + key.text + "\" is listed twice; the first is in line " +
                                         std::to_string(line));
            return;
        }
        top.value.members.push_back({std::move(key.text), key.where, std::move(value)});
    }

    const Source& source_;
    Problems& problems_;
    Value root_;
    std::vector<Open> open_;
    std::map<YAML::anchor_t, Value> anchors_;
    std::size_t nodes_ = 0;
    int documents_ = 0;
};

} // namespace

namespace {

// yaml-cpp silently replaces bytes that are not UTF-8, and converts UTF-16 with a byte order mark.
void refuse_other_encodings(const std::string& text, const Source& source)
{
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return;
    const std::size_t bad = base::utf8_valid_prefix(text);
    if (bad == text.size()) return;
    const std::size_t line_start = bad == 0 ? 0 : text.rfind('\n', bad - 1) + 1; // npos + 1 is 0
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(bad), '\n');
    throw Refused{{&source, static_cast<int>(line), static_cast<int>(bad - line_start) + 1},
                  "is not valid UTF-8 from here on; save the file as UTF-8"};
}

// Returns the number (from 1) of the first line that is indented with a tab, or 0. Blank lines and comments
// do not count.
int indented_by_tab(const std::string& text)
{
    int number = 1;
    for (std::size_t begin = 0; begin < text.size(); ++number) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string_view line{text.data() + begin, end - begin};
        const std::size_t first = std::min(line.find_first_not_of(" \t\r"), line.size());
        if (first < line.size() && line[first] != '#' && line.substr(0, first).find('\t') != line.npos)
            return number;
        begin = end + 1;
    }
    return 0;
}

} // namespace

Value parse_yaml(const std::string& text, const Source& source, Problems& problems)
{
    Builder builder{source, problems};
    try {
        refuse_other_encodings(text, source);
        if (text.find('\0') != std::string::npos)
            throw Refused{{&source, 0, 0}, "has a NUL byte; this is not a text file"};
        std::istringstream in{text};
        YAML::Parser parser{in};
        while (parser.HandleNextDocument(builder)) {}
        return builder.take();
    } catch (const Refused& refused) {
        problems.add(refused.where, refused.text);
    } catch (const YAML::ParserException& e) {
        const Where where{&source, e.mark.is_null() ? 1 : e.mark.line + 1,
                          e.mark.is_null() ? 1 : e.mark.column + 1};
        if (const int tab = indented_by_tab(text); tab > 0)
            problems.add({&source, tab, 1},
                         "this line is indented with a tab. Use spaces: YAML does not allow tabs there");
        else
            problems.add(where, "not valid YAML: " + e.msg +
                                    "; check the indentation (spaces, no tabs) and quotes up to here");
    } catch (const std::exception& e) {
        problems.add({&source, 0, 0}, std::string{"not valid YAML: "} + e.what());
    }
    return {};
}

} // namespace agenthost::host::conf
