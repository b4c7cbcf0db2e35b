// The table of keys. An entry defines everything about a key: reading, checks, description, output and JSON
// Schema. It is the only list of keys: reading, suggestions, `config show` and `config schema` use it.
#pragma once

#include "config.hpp"
#include "problems.hpp"
#include "value.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host::conf {

using Json = nlohmann::ordered_json;

// The context of a read function.
struct Reading {
    Problems& problems;
    const Config& config; // the part read so far; servers use agent.id and limits
    const LoadRequest* request = nullptr;
    std::optional<std::vector<KnownPlugin>> known = {}; // the plugins in config.plugin_path, once requested

    const KnownPlugin* find_plugin(std::string_view id);
    const std::vector<KnownPlugin>& known_plugins();
};

struct Key {
    std::string name, doc;
    // `path` names the value in messages ("servers[0].tls"); `object` is the section's struct.
    std::function<void(Reading&, const Value&, const std::string& path, void* object)> read;
    std::function<Json(const void* object)> show; // null: not shown
    std::function<Json()> schema;                 // without the description
};

struct Section {
    std::vector<Key> keys;
    std::string hint;        // added to "unknown key" if no name is similar
    bool extensions = false; // keys that begin with "x-" are ignored, so they can hold YAML anchors
};

// Reads a map into `object`: reports unknown keys, then reads every known key that is present, in the table's
// order.
void read_section(Reading&, const Section&, const Value&, const std::string& path, void* object);
Json show_section(const Section&, const void* object);
Json section_schema(const Section&);

// `show` and `schema` of a key that is a list of sections. `required`: keys that each item must have.
template <class Item>
void make_list(Key& key, std::vector<Item> Config::*list, const Section& (*section)(), const Json& required)
{
    key.show = [list, section](const void* object) {
        Json out = Json::array();
        for (const Item& item : static_cast<const Config*>(object)->*list)
            out.push_back(show_section(section(), &item));
        return out;
    };
    key.schema = [section, required] {
        Json item = section_schema(section());
        item["required"] = required;
        return Json{{"type", "array"}, {"items", std::move(item)}};
    };
}

// The table of the whole file; its object is Config.
const Section& root_section();

// Checks allow and map of every server against the actions of installed plugins.
void check_actions(Reading&, const Value& root);

// Converts a value to JSON, with scalars typed by YAML's core schema; {file: PATH} gets an absolute path. For
// plugins' configuration.
Json to_json(Problems&, const Value&, const std::string& path);

} // namespace agenthost::host::conf
