// The table of keys. One entry says everything about a key: how it is read and checked, what it means, how it is shown, its JSON
// Schema. Reading, suggestions, `config show` and `config schema` all walk this table; there is no second list.
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

// What a reader needs besides the value.
struct Reading {
    Problems& problems;
    const Config& config; // as far as it is read; servers take agent.id and limits from it
    const LoadRequest* request = nullptr;
    std::optional<std::vector<KnownPlugin>> known = {}; // of config.plugin_path, once it was asked for

    const KnownPlugin* find_plugin(std::string_view id);
    const std::vector<KnownPlugin>& known_plugins();
};

struct Key {
    std::string name, doc;
    // `path` names the value in messages ("servers[0].tls"); `object` is the struct the section belongs to.
    std::function<void(Reading&, const Value&, const std::string& path, void* object)> read;
    std::function<Json(const void* object)> show; // null: nothing to show
    std::function<Json()> schema;                 // without its description
};

struct Section {
    std::vector<Key> keys;
    std::string hint;        // added to "unknown key" when no name is near
    bool extensions = false; // keys that begin with "x-" are skipped: a place for YAML anchors
};

// Reads a map into `object`: unknown keys first, then every key of the table that is present, in the table's order.
void read_section(Reading&, const Section&, const Value&, const std::string& path, void* object);
Json show_section(const Section&, const void* object);
Json section_schema(const Section&);

// The whole file; objects of type Config.
const Section& root_section();

// allow and map of every server against the actions of installed plugins.
void check_actions(Reading&, const Value& root);

// A value as JSON, scalars typed by YAML's core schema; {file: PATH} gets an absolute path. For plugins' own configuration.
Json to_json(Problems&, const Value&, const std::string& path);

} // namespace agenthost::host::conf
