// Collects what load_config() needs to know about the installed plugins.
#include "host_actions.hpp"
#include "plugin.hpp"

#include "host/config/config.hpp"

#include <nlohmann/json.hpp>

namespace agenthost::host {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_paths = 256;
constexpr int max_depth = 16;

// Adds a JSON pointer for every "format": "path" of a schema; "*" matches any element of an array and any
// additional property.
void add_paths(const Json& schema, const std::string& pointer, int depth, std::vector<std::string>& out)
{
    if (!schema.is_object() || depth > max_depth || out.size() >= max_paths) return;
    if (schema.value("format", Json{}) == "path") out.push_back(pointer);
    if (const auto properties = schema.find("properties");
        properties != schema.end() && properties->is_object())
        for (const auto& [name, property] : properties->items())
            add_paths(property, pointer + "/" + name, depth + 1, out);
    for (const char* any : {"items", "additionalProperties"})
        if (const auto at = schema.find(any); at != schema.end())
            add_paths(*at, pointer + "/*", depth + 1, out);
}

} // namespace

std::vector<KnownPlugin> known_plugins(const std::vector<std::filesystem::path>& path)
{
    std::vector<std::string> folders;
    for (const auto& folder : path) folders.push_back(folder.string());
    std::vector<KnownPlugin> out{{"host", {}, {}}};
    for (const HostActionInfo& action : host_actions) out.front().actions.emplace_back(action.name);
    for (const FoundPlugin& found : find_plugins(folders)) {
        if (!found.manifest) continue;
        KnownPlugin plugin{found.id, {}, {}};
        for (const ActionManifest& action : found.manifest->actions) plugin.actions.push_back(action.name);
        add_paths(Json::parse(found.manifest->config_json, nullptr, false), "", 0, plugin.paths);
        out.push_back(std::move(plugin));
    }
    return out;
}

std::string config_problem(const PluginConfig& config, std::string_view what)
{
    std::string key, text{what};
    const auto end = text.find(": ");
    if (text.starts_with('/') && end != std::string::npos) { // a JSON pointer from Schema::check
        key = text.substr(0, end);
        text.erase(0, end + 2);
    }
    std::string where = config.key_positions.find(key);
    if (where.empty()) where = config.where;
    std::string shown = "plugins." + config.id + ".config";
    for (std::size_t at = 0; at < key.size();) {
        const auto next = std::min(key.find('/', at + 1), key.size());
        const std::string name = key.substr(at + 1, next - at - 1);
        const bool index = !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
        shown += index ? "[" + name + "]" : "." + name;
        at = next;
    }
    return (where.empty() ? "" : where + ": ") + shown + ": " + text;
}

} // namespace agenthost::host
