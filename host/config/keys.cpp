#include "keys.hpp"

#include "fields.hpp"

#include "base/suggestion.hpp"

#include <algorithm>
#include <memory>

namespace agenthost::host::conf {

const std::vector<KnownPlugin>& Reading::known_plugins()
{
    if (!known)
        known =
            request && request->plugins ? request->plugins(config.plugin_path) : std::vector<KnownPlugin>{};
    return *known;
}

const KnownPlugin* Reading::find_plugin(std::string_view id)
{
    for (const KnownPlugin& plugin : known_plugins())
        if (plugin.id == id) return &plugin;
    return nullptr;
}

void read_section(Reading& r, const Section& section, const Value& value, const std::string& path,
                  void* object)
{
    if (value.kind == Value::Kind::null) return; // "log:" without content
    if (value.kind != Value::Kind::map) {
        expected(r, value, path.empty() ? "the configuration" : path, "a map of keys");
        return;
    }
    for (const Member& member : value.members) {
        const auto is_it = [&](const Key& key) { return key.name == member.key; };
        if (std::find_if(section.keys.begin(), section.keys.end(), is_it) != section.keys.end()) continue;
        if (section.extensions && member.key.starts_with("x-")) continue;
        std::vector<std::string> names;
        for (const Key& key : section.keys) names.push_back(key.name);
        std::string hint = base::did_you_mean(member.key, names);
        if (hint.empty() && !section.hint.empty()) hint = "; " + section.hint;
        if (hint.empty()) {
            for (const std::string& name : names) hint += (hint.empty() ? "; known are " : ", ") + name;
        }
        r.problems.add(member.where,
                       "unknown key \"" + member.key + '"' + (path.empty() ? "" : " in " + path) + hint);
    }
    for (const Key& key : section.keys)
        if (const Member* member = value.find(key.name); member && member->value.kind != Value::Kind::null)
            key.read(r, member->value, path.empty() ? key.name : path + "." + key.name, object);
}

Json show_section(const Section& section, const void* object)
{
    Json out = Json::object();
    for (const Key& key : section.keys) {
        if (!key.show) continue;
        Json value = key.show(object);
        if (!value.is_null()) out[key.name] = std::move(value);
    }
    return out;
}

Json section_schema(const Section& section)
{
    Json properties = Json::object();
    for (const Key& key : section.keys) {
        Json schema = key.schema();
        schema["description"] = key.doc;
        properties[key.name] = std::move(schema);
    }
    Json out{{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
    if (section.extensions) out["patternProperties"] = {{"^x-", Json::object()}};
    return out;
}

Key group(const char* name, Section section, const char* doc)
{
    Key key;
    key.name = name;
    key.doc = doc;
    auto shared = std::make_shared<const Section>(std::move(section));
    key.read = [=](Reading& r, const Value& value, const std::string& path, void* object) {
        read_section(r, *shared, value, path, object);
    };
    key.show = [=](const void* object) {
        Json shown = show_section(*shared, object);
        return shown.empty() ? Json{} : shown;
    };
    key.schema = [=] { return section_schema(*shared); };
    return key;
}

} // namespace agenthost::host::conf
