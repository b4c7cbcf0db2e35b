// `agenthost plugin list|info|check`: what is installed, read from manifests; nothing is run.
#include "print.hpp"
#include "verbs.hpp"

#include "netclient/control_client.hpp"

#include "base/json_depth.hpp"
#include "base/suggestion.hpp"
#include "host/config/defaults.hpp"
#include "host/plugin/check_config.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <map>

namespace agenthost::host::cli {

using Json = nlohmann::ordered_json;

namespace {

std::string dumped(const Json& json)
{
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::vector<std::string> folders(const Config& config)
{
    std::vector<std::string> out;
    for (const auto& folder : config.plugin_path) out.push_back(folder.string());
    return out;
}

std::string joined(const std::vector<std::string>& list, const char* separator = ", ")
{
    std::string out;
    for (const std::string& item : list) out += (out.empty() ? "" : separator) + item;
    return out;
}

const PluginConfig* configured(const ConfigPtr& config, const std::string& id)
{
    if (!config) return nullptr;
    for (const PluginConfig& plugin : config->plugins)
        if (plugin.id == id) return &plugin;
    return nullptr;
}

// The versions that a running daemon uses.
struct Running {
    std::string state, version, file_identity;
    std::uint64_t restarts = 0;
};

std::map<std::string, Running> running_plugins(const Context& context)
{
    std::map<std::string, Running> out;
    const netclient::ControlAnswer answer = netclient::ControlClient{context.control_socket()}.request(
        "GET", "/v1/plugins", {}, std::chrono::seconds{3});
    const nlohmann::json list = answer.json();
    if (answer.good() && list.is_array())
        for (const auto& plugin : list)
            if (plugin.is_object())
                out[plugin.value("id", "")] = {plugin.value("healthy", true) ||
                                                       plugin.value("state", "") != "running"
                                                   ? plugin.value("state", "")
                                                   : "unhealthy",
                                               plugin.value("version", ""), plugin.value("file_identity", ""),
                                               plugin.value("restarts", std::uint64_t{0})};
    return out;
}

// "1.0.0, on disk 1.1.0": the running version, and the one after a restart.
std::string versions(const std::string& on_disk, const FoundPlugin& plugin, const Running& running)
{
    const std::string disk = on_disk.empty() ? "?" : on_disk;
    if (running.file_identity.empty() || running.file_identity == plugin.identity) return disk;
    return running.version + ", on disk " + (running.version == on_disk ? "a newer build" : disk);
}

// Prints a schema as lines "key  type, default: description".
void add_keys(Table& table, const Json& schema, const std::string& path)
{
    if (!schema.is_object() || !schema.contains("properties") || !schema["properties"].is_object() ||
        path.size() > 100)
        return;
    std::vector<std::string> required;
    if (schema.contains("required") && schema["required"].is_array())
        for (const Json& name : schema["required"])
            if (name.is_string()) required.push_back(name.get<std::string>());
    for (const auto& [name, key] : schema["properties"].items()) {
        if (!key.is_object()) continue;
        std::string type;
        if (key.contains("enum")) {
            for (const Json& word : key["enum"])
                type +=
                    (type.empty() ? "" : "|") + (word.is_string() ? word.get<std::string>() : word.dump());
        } else if (key.contains("type")) {
            type = key["type"].is_string() ? key["type"].get<std::string>() : "";
            if (key["type"].is_array())
                for (const Json& word : key["type"])
                    if (word.is_string()) type += (type.empty() ? "" : "|") + word.get<std::string>();
        }
        if (key.contains("default"))
            type += (type.empty() ? "default " : ", default ") +
                    key["default"].dump(-1, ' ', false, Json::error_handler_t::replace);
        if (std::find(required.begin(), required.end(), name) != required.end())
            type += type.empty() ? "required" : ", required";
        const std::string doc = key.contains("description") && key["description"].is_string()
                                    ? key["description"].get<std::string>()
                                    : "";
        table.row({path + name, {type, Colour::quiet}, doc});
        add_keys(table, key, path + name + ".");
    }
}

std::string keys_of(const std::string& schema_json, bool colours, std::string_view indent)
{
    Table table;
    add_keys(table, base::parse_json<Json>(schema_json, 128), "");
    return table.text(colours, indent);
}

int not_found(const Context& context, const std::string& id, const std::vector<FoundPlugin>& found)
{
    std::vector<std::string> ids;
    for (const FoundPlugin& plugin : found) ids.push_back(plugin.id);
    print_error("no plugin " + id + " in " + joined(context.plugin_path(), ":") +
                (ids.empty() ? ". Install its package, or add its folder to agent.plugin_path"
                             : base::did_you_mean(id, ids) + "; installed: " + joined(ids)));
    return failed;
}

std::vector<std::string> check_one(const FoundPlugin& plugin, const PluginConfig* config, bool library)
{
    if (!plugin.manifest) return {plugin.problem};
    std::vector<std::string> problems = check_file_ownership(plugin.library);
    if (library && problems.empty()) problems = check_library(plugin);
    if (config && plugin.manifest->config) {
        const std::string why = plugin.manifest->config->check(config->config_json);
        if (!why.empty()) problems.push_back(config_problem(*config, why));
    }
    if (config && config->isolated && !plugin.manifest->may_isolate)
        problems.push_back(config->where + ": plugins." + plugin.id +
                           " does not support isolation: process; write in-process");
    if (config && !config->isolated && !plugin.manifest->may_in_process)
        problems.push_back(config->where + ": plugins." + plugin.id + " runs only with isolation: process");
    return problems;
}

} // namespace

std::vector<PluginProblem> plugin_problems(const Config& config, bool libraries)
{
    std::vector<PluginProblem> out;
    const std::vector<FoundPlugin> found = find_plugins(folders(config));
    std::vector<std::string> ids;
    for (const FoundPlugin& plugin : found) ids.push_back(plugin.id);
    for (const PluginConfig& plugin : config.plugins) {
        if (!plugin.enabled) continue;
        const auto at =
            std::find_if(found.begin(), found.end(), [&](const FoundPlugin& f) { return f.id == plugin.id; });
        if (at == found.end()) {
            out.push_back({plugin.id, plugin.where + ": plugins." + plugin.id + ": no such plugin in " +
                                          joined(folders(config), ":") +
                                          ". Install its package, or set enabled: false" +
                                          base::did_you_mean(plugin.id, ids)});
            continue;
        }
        std::vector<std::string> problems = check_one(*at, &plugin, libraries);
        if (problems.empty()) // else its code is not run, or the cause is known
            for (ConfigFinding& f : check_plugin_config(*at, plugin, config, default_runner().string()))
                out.push_back({plugin.id, std::move(f.text), f.warning});
        for (std::string& problem : problems) out.push_back({plugin.id, std::move(problem)});
    }
    return out;
}

int plugin_list(const Context& context)
{
    const LoadResult loaded = load_config(context.load);
    const std::vector<FoundPlugin> found = find_plugins(context.plugin_path());
    const auto daemon = running_plugins(context);
    Json all = Json::array();
    Table table;
    table.row({{"ID", Colour::quiet},
               {"VERSION", Colour::quiet},
               {"ENABLED", Colour::quiet},
               {"STATE", Colour::quiet},
               {"", Colour::quiet}});
    for (const FoundPlugin& plugin : found) {
        const PluginConfig* config = configured(loaded.config, plugin.id);
        const bool enabled = config && config->enabled;
        const Running running = daemon.contains(plugin.id) ? daemon.at(plugin.id) : Running{};
        const std::string version = plugin.manifest ? plugin.manifest->version : "",
                          what = plugin.manifest ? plugin.manifest->description : plugin.problem;
        all.push_back({{"id", plugin.id},
                       {"version", version},
                       {"running_version", running.version},
                       {"enabled", enabled},
                       {"state", running.state},
                       {"restarts", running.restarts},
                       {"file", plugin.library},
                       {"description", plugin.manifest ? what : ""},
                       {"problem", plugin.problem}});
        table.row({plugin.id,
                   versions(version, plugin, running),
                   {enabled ? "yes" : "no", enabled ? Colour::good : Colour::quiet},
                   running.state.empty()  ? "-"
                   : running.restarts > 0 ? running.state + ", " + std::to_string(running.restarts) +
                                                (running.restarts == 1 ? " restart" : " restarts")
                                          : running.state,
                   {what, plugin.manifest ? Colour::none : Colour::bad}});
    }
    if (context.json) {
        print_text(dumped(all));
    } else if (found.empty()) {
        print_text("No plugin in " + joined(context.plugin_path(), ":") +
                   ". Install one (agenthost-plugin-...), or add its folder to agent.plugin_path.\n");
    } else {
        print_text(table.text(is_terminal(STDOUT_FILENO), ""));
    }
    return ok;
}

int plugin_info(const Context& context, const std::string& id)
{
    const std::vector<FoundPlugin> found = find_plugins(context.plugin_path());
    const auto at =
        std::find_if(found.begin(), found.end(), [&](const FoundPlugin& f) { return f.id == id; });
    if (at == found.end()) return not_found(context, id, found);
    if (!at->manifest) {
        print_error(at->problem);
        return failed;
    }
    const Manifest& m = *at->manifest;
    if (context.json) {
        print_text(m.text.ends_with('\n') ? m.text : m.text + "\n");
        return ok;
    }
    const bool colours = is_terminal(STDOUT_FILENO);
    std::string out = paint(m.id, Colour::strong, colours) + " " + printable(m.version) +
                      (m.license.empty() ? "" : ", " + printable(m.license)) + "\n";
    if (!m.description.empty()) out += printable(m.description) + "\n";
    out += at->library + "\n\nActions\n";
    for (const ActionManifest& action : m.actions) {
        std::vector<std::string> marks;
        if (action.effects) marks.emplace_back("has effects: journalled");
        if (action.idempotent) marks.emplace_back("may run again");
        out += "  " + paint(printable(action.name), Colour::strong, colours) + "  " +
               printable(action.summary) + (marks.empty() ? "" : "  (" + joined(marks) + ")") + "\n" +
               keys_of(action.params_json, colours, "      ");
    }
    if (const std::string keys = keys_of(m.config_json, colours, "  "); !keys.empty())
        out += "\nConfiguration (plugins." + m.id + ".config)\n" + keys;
    for (const auto& [protocol, words] : m.aliases) {
        std::vector<std::string> list;
        for (const auto& [word, action] : words) list.push_back(word + " = " + action);
        out += "\nIn protocol " + printable(protocol) + ": " + printable(joined(list)) + "\n";
    }
    if (!m.may_call.empty()) out += "\nMay call " + printable(joined(m.may_call)) + "\n";
    if (m.may_listen) out += "\nMay serve HTTP on listeners\n";
    if (m.may_read_log) out += "\nMay read the daemon's log\n";
    if (m.may_use_network) out += "\nMay use the proxy and TLS settings of the servers that call it\n";
    print_text(out);
    return ok;
}

int plugin_check(const Context& context, const std::string& id_or_file)
{
    const LoadResult loaded = load_config(context.load);
    std::vector<FoundPlugin> found;
    if (id_or_file.find('/') != std::string::npos || id_or_file.ends_with(".so")) {
        const std::filesystem::path file = std::filesystem::absolute(id_or_file);
        std::string id = file.filename().string();
        for (const char* suffix : {".manifest.json", ".so"})
            if (id.ends_with(suffix)) id.resize(id.size() - std::string_view{suffix}.size());
        for (FoundPlugin& plugin : find_plugins({file.parent_path().string()}))
            if (plugin.id == id) found.push_back(std::move(plugin));
        if (found.empty()) {
            print_error("no " + id + ".manifest.json beside " + id_or_file +
                        ": a plugin is ID.so and ID.manifest.json in one folder");
            return failed;
        }
    } else {
        const std::vector<FoundPlugin> all = find_plugins(context.plugin_path());
        for (const FoundPlugin& plugin : all)
            if (id_or_file.empty() || plugin.id == id_or_file) found.push_back(plugin);
        if (found.empty() && !id_or_file.empty()) return not_found(context, id_or_file, all);
    }
    const bool colours = is_terminal(STDOUT_FILENO);
    Json all = Json::array();
    bool good = true;
    for (const FoundPlugin& plugin : found) {
        const std::vector<std::string> problems =
            check_one(plugin, configured(loaded.config, plugin.id), true);
        good = good && problems.empty();
        all.push_back(
            {{"id", plugin.id}, {"file", plugin.library}, {"ok", problems.empty()}, {"problems", problems}});
        if (context.json) continue;
        print_text(
            (problems.empty() ? paint("ok  ", Colour::good, colours) : paint("FAIL", Colour::bad, colours)) +
            "  " + plugin.id + "  " + plugin.library + "\n");
        for (const std::string& problem : problems) print_text("      " + printable(problem) + "\n");
    }
    if (context.json) print_text(dumped(all));
    return good ? ok : failed;
}

} // namespace agenthost::host::cli
