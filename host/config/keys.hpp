// The table of keys. An entry defines everything about a key: reading, checks, description, output and JSON
// Schema. Reading, suggestions, `config show` and `config schema` all use this table; there is no second
// list.
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

// The table of the whole file; its object is Config.
const Section& root_section();

// Checks allow and map of every server against the actions of installed plugins.
void check_actions(Reading&, const Value& root);

// Converts a value to JSON, with scalars typed by YAML's core schema; {file: PATH} gets an absolute path. For
// plugins' configuration.
Json to_json(Problems&, const Value&, const std::string& path);

} // namespace agenthost::host::conf
