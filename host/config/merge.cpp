#include "merge.hpp"

#include <algorithm>
#include <cctype>

namespace agenthost::host::conf {

namespace {

bool is_secret_way(std::string_view key) { return key == "file" || key == "env" || key == "systemd"; }

bool is_secret_source(const Value& value)
{
    if (value.kind != Value::Kind::map || value.members.empty()) return false;
    return std::all_of(value.members.begin(), value.members.end(),
                       [](const Member& m) { return is_secret_way(m.key) || m.key == "mode"; });
}

std::string name_of(const Value& item)
{
    const Member* name = item.find("name");
    return name && name->value.kind == Value::Kind::scalar ? name->value.text : "";
}

void merge_named(Value& base, Value over)
{
    // Two with the same name in one file are kept, and reported later.
    const std::size_t old = base.items.size();
    for (Value& item : over.items) {
        const std::string name = name_of(item);
        const auto end = base.items.begin() + static_cast<std::ptrdiff_t>(old);
        const auto found = std::find_if(base.items.begin(), end,
                                        [&](const Value& v) { return !name.empty() && name_of(v) == name; });
        if (found == end) {
            base.items.push_back(std::move(item));
        } else {
            merge(*found, std::move(item));
        }
    }
}

std::string loosened(std::string_view name)
{
    std::string out;
    for (unsigned char c : name) out += std::isalnum(c) ? static_cast<char>(std::toupper(c)) : '_';
    return out;
}

bool same(std::string_view written, std::string_view asked, bool loose)
{
    return loose ? loosened(written) == loosened(asked) : written == asked;
}

Value named_item(const std::string& name, const Where& where)
{
    Value text;
    text.kind = Value::Kind::scalar;
    text.text = name;
    text.where = where;
    Value item;
    item.kind = Value::Kind::map;
    item.where = where;
    item.members.push_back({"name", where, std::move(text)});
    return item;
}

// The list element that a segment selects; created for a new name, nullptr for a number beyond the list.
Value* element(Value& list, const std::string& segment, const Where& where, bool loose)
{
    for (Value& item : list.items)
        if (const std::string name = name_of(item); !name.empty() && same(name, segment, loose)) return &item;
    if (std::all_of(segment.begin(), segment.end(), [](unsigned char c) { return std::isdigit(c); })) {
        const std::size_t index = segment.size() > 6 ? list.items.size() : std::stoul(segment);
        return index < list.items.size() ? &list.items[index] : nullptr;
    }
    list.items.push_back(named_item(segment, where));
    return &list.items.back();
}

Value& member(Value& map, const std::string& segment, const Where& where, bool loose)
{
    for (Member& m : map.members)
        if (same(m.key, segment, loose)) {
            m.where = where;
            return m.value;
        }
    if (is_secret_way(segment))
        std::erase_if(map.members, [](const Member& m) { return is_secret_way(m.key); });
    Value value;
    value.where = where;
    map.members.push_back({segment, where, std::move(value)});
    return map.members.back().value;
}

} // namespace

void merge(Value& base, Value over)
{
    if (base.kind != Value::Kind::map || over.kind != Value::Kind::map ||
        (is_secret_source(base) && is_secret_source(over))) {
        base = std::move(over);
        return;
    }
    for (Member& m : over.members) {
        Member* old = base.find(m.key);
        if (!old) {
            base.members.push_back(std::move(m));
        } else if ((m.key == "servers" || m.key == "listeners") && old->value.kind == Value::Kind::list &&
                   m.value.kind == Value::Kind::list) {
            merge_named(old->value, std::move(m.value));
        } else {
            old->where = m.where;
            merge(old->value, std::move(m.value));
        }
    }
}

std::string set_path(Value& root, const std::vector<std::string>& path, Value value, bool loose)
{
    if (path.empty()) return "names no key";
    Value* at = &root;
    const Where where = value.where;
    for (std::size_t i = 0; i < path.size(); ++i) {
        const std::string& segment = path[i];
        if (segment.empty()) return "has an empty name in it; write section.key";
        const bool in_list = i == 1 && (path[0] == "servers" || path[0] == "listeners");
        if (at->kind == Value::Kind::null) {
            at->kind = in_list ? Value::Kind::list : Value::Kind::map;
            at->where = where;
        }
        if (at->kind == Value::Kind::list) {
            at = element(*at, segment, where, loose);
            if (!at) return "there is no element " + segment + " in this list";
        } else if (at->kind == Value::Kind::map) {
            at = &member(*at, segment, where, loose);
        } else {
            std::string above = path[0];
            for (std::size_t j = 1; j < i; ++j) above += "." + path[j];
            return above + " is a single value and has no key \"" + segment + '"';
        }
    }
    *at = std::move(value);
    return {};
}

} // namespace agenthost::host::conf
