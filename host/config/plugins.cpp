#include "fields.hpp"
#include "secret_names.hpp"
#include "tables.hpp"

#include "netclient/url.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

namespace agenthost::host::conf {

namespace {

// YAML's core schema (1.2): what a scalar without quotes is.
Json scalar_to_json(Problems& problems, const Value& value, const std::string& path)
{
    const std::string& text = value.text;
    if (!value.plain) return text;
    for (const char* word : {"null", "Null", "NULL", "~", ""})
        if (text == word) return nullptr;
    for (const char* word : {"true", "True", "TRUE"})
        if (text == word) return true;
    for (const char* word : {"false", "False", "FALSE"})
        if (text == word) return false;
    for (const char* word : {".inf", ".Inf", ".INF", "+.inf", "-.inf", ".nan", ".NaN", ".NAN"})
        if (text == word) {
            problems.add(value.where,
                         path + ": " + text +
                             " has no place in JSON, which plugins get; write a number, or quote it");
            return nullptr;
        }

    std::string_view digits = text;
    const bool negative = digits.starts_with('-');
    if (negative || digits.starts_with('+')) digits.remove_prefix(1);
    const bool hex = digits == text && digits.starts_with("0x"),
               octal = digits == text && digits.starts_with("0o");
    const int base = hex ? 16 : octal ? 8 : 10;
    if (hex || octal) digits.remove_prefix(2);
    std::uint64_t whole = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, whole, base);
    const bool all_digits = !digits.empty() && stop == end;
    if (all_digits && (error == std::errc::result_out_of_range || (negative && whole > (1ULL << 63)))) {
        problems.add(value.where,
                     path + ": " + text + " does not fit into 64 bits; quote it if it is a name");
        return nullptr;
    }
    if (all_digits && error == std::errc{}) {
        if (negative) return static_cast<std::int64_t>(0 - whole);
        return whole;
    }
    // A decimal: digits with a point or an exponent, nothing else ("1e3", ".5", "12.").
    if (base == 10 && !digits.empty() &&
        digits.find_first_not_of("0123456789.eE+-") == std::string_view::npos &&
        (digits[0] == '.' ? digits.size() > 1 && digits[1] >= '0' && digits[1] <= '9'
                          : digits[0] >= '0' && digits[0] <= '9')) {
        double number = 0;
        const auto [stopped, failed] = std::from_chars(digits.data(), end, number);
        if (failed == std::errc{} && stopped == end && std::isfinite(number))
            return negative ? -number : number;
    }
    return text;
}

bool is_secret_file(const Value& value)
{
    const Member* const file = value.find("file");
    return file && file->value.kind == Value::Kind::scalar && !file->value.text.empty() &&
           value.members.size() == (value.find("mode") ? 2U : 1U);
}

bool is_place_of_secret(std::string_view name)
{
    return name == "file" || name == "env" || name == "systemd" || name == "mode";
}

Json redacted_member(const std::string& name, const Json& value, bool secret);

// `secret`: the value belongs to a name that sounds like a secret's. {file|env|systemd: ...} only says where
// one is.
Json redacted(const Json& json, bool secret = false)
{
    if (json.is_array()) {
        Json out = Json::array();
        for (const Json& item : json) out.push_back(redacted(item, secret));
        return out;
    }
    if (json.is_object()) {
        Json out = Json::object();
        for (const auto& [name, value] : json.items()) out[name] = redacted_member(name, value, secret);
        return out;
    }
    if (secret && !json.is_boolean() && !json.is_null()) return "***";
    if (!json.is_string()) return json;
    const auto& text = json.get_ref<const std::string&>();
    return text.find("://") == std::string::npos ? text : netclient::redact_url(text);
}

Json redacted_member(const std::string& name, const Json& value, bool secret)
{
    const bool place = secret && is_place_of_secret(name);
    return redacted(value, !place && (secret || sounds_secret(name)));
}

// RFC 6901: "~" and "/" in a name.
std::string escaped(std::string_view name)
{
    std::string out;
    for (const char c : name) {
        if (c == '~')
            out += "~0";
        else if (c == '/')
            out += "~1";
        else
            out += c;
    }
    return out;
}

void note_positions(const Value& value, const std::string& pointer, std::map<std::string, std::string>& out)
{
    constexpr std::size_t max_positions = 10'000;
    for (const Member& member : value.members) {
        if (out.size() >= max_positions) return;
        const std::string at = pointer + "/" + escaped(member.key);
        out.emplace(at, member.where.text());
        note_positions(member.value, at, out);
    }
    for (std::size_t i = 0; i < value.items.size() && out.size() < max_positions; ++i) {
        const std::string at = pointer + "/" + std::to_string(i);
        out.emplace(at, value.items[i].where.text());
        note_positions(value.items[i], at, out);
    }
}

// The texts that `pattern` ("/logs/*/path") names in `value`, relative to the file they were written in.
void make_absolute(const Value& value, Json& json, std::string_view pattern)
{
    if (pattern.empty()) {
        if (value.kind != Value::Kind::scalar || value.text.empty() || !value.where.source ||
            !json.is_string())
            return;
        json = (value.where.source->base / value.text).lexically_normal().string();
        return;
    }
    pattern.remove_prefix(1);
    const std::string_view name = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(name.size());
    for (std::size_t i = 0; i < value.items.size() && json.is_array() && name == "*"; ++i)
        make_absolute(value.items[i], json[i], pattern);
    for (const Member& member : value.members)
        if ((name == "*" || name == escaped(member.key)) && json.is_object())
            make_absolute(member.value, json[member.key], pattern);
}

const std::vector<std::string>& isolations()
{
    static const std::vector<std::string> words{"in-process", "process"};
    return words;
}

const Section& plugin_section()
{
    static const Section section = [] {
        Section out;
        out.hint = "a plugin's own keys belong under config:, indented below it";
        out.keys.push_back(flag("enabled", &PluginConfig::enabled, "Whether to load it."));
        Key isolation;
        isolation.name = "isolation";
        isolation.doc = "in-process: fastest. process: in a runner of its own, so that its crash does not "
                        "affect the daemon.";
        isolation.read = [](Reading& r, const Value& value, const std::string& path, void* object) {
            if (const auto word = read_choice(r, value, path, isolations()))
                static_cast<PluginConfig*>(object)->isolated = *word == "process";
        };
        isolation.show = [](const void* object) {
            return Json(static_cast<const PluginConfig*>(object)->isolated ? "process" : "in-process");
        };
        isolation.schema = [] { return Json{{"enum", isolations()}}; };
        out.keys.push_back(std::move(isolation));
        out.keys.push_back(
            flag("required", &PluginConfig::required, "Whether the daemon refuses to start without it."));
        Key config;
        config.name = "config";
        config.doc = "The plugin's configuration; its manifest has the schema (agenthost plugin info ID).";
        config.read = [](Reading& r, const Value& value, const std::string& path, void* object) {
            auto& plugin = *static_cast<PluginConfig*>(object);
            if (value.kind != Value::Kind::map) return expected(r, value, path, "a map of the plugin's keys");
            Json json = to_json(r.problems, value, path);
            note_positions(value, "", plugin.key_positions.at);
            if (const KnownPlugin* const known = r.find_plugin(plugin.id))
                for (const std::string& pattern : known->paths) make_absolute(value, json, pattern);
            plugin.config_json = json.dump(-1, ' ', false, Json::error_handler_t::replace);
            plugin.where = value.where.text();
        };
        config.show = [](const void* object) {
            return redacted(Json::parse(static_cast<const PluginConfig*>(object)->config_json));
        };
        config.schema = [] { return Json{{"type", "object"}}; };
        out.keys.push_back(std::move(config));
        return out;
    }();
    return section;
}

bool is_plugin_id(std::string_view id)
{
    return !id.empty() && id.size() <= 64 && id[0] >= 'a' && id[0] <= 'z' &&
           std::all_of(id.begin(), id.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
           });
}

} // namespace

} // namespace agenthost::host::conf

std::string agenthost::host::KeyPositions::find(std::string_view pointer) const
{
    for (std::string key{pointer}; !key.empty(); key.resize(key.rfind('/')))
        if (const auto found = at.find(key); found != at.end()) return found->second;
    return {};
}

namespace agenthost::host::conf {

Json to_json(Problems& problems, const Value& value, const std::string& path)
{
    switch (value.kind) {
    case Value::Kind::null: return nullptr;
    case Value::Kind::scalar: return scalar_to_json(problems, value, path);
    case Value::Kind::list: {
        Json out = Json::array();
        for (std::size_t i = 0; i < value.items.size(); ++i)
            out.push_back(to_json(problems, value.items[i], path + "[" + std::to_string(i) + "]"));
        return out;
    }
    case Value::Kind::map: break;
    }
    Json out = Json::object();
    for (const Member& member : value.members)
        out[member.key] = to_json(problems, member.value, path + "." + member.key);
    if (is_secret_file(value)) {
        const Value& file = value.find("file")->value;
        if (file.where.source)
            out["file"] = (file.where.source->base / file.text).lexically_normal().string();
    }
    return out;
}

Key plugins_key()
{
    Key key;
    key.name = "plugins";
    key.doc = "What this agent can do. Every plugin: enabled, isolation, required, config.";
    key.read = [](Reading& r, const Value& value, const std::string& path, void* object) {
        auto& config = *static_cast<Config*>(object);
        if (value.kind != Value::Kind::map)
            return expected(r, value, path, "a map such as {PLUGIN: {enabled: true}}");
        for (const Member& member : value.members) {
            PluginConfig plugin;
            plugin.id = member.key;
            plugin.where = member.where.text();
            if (!is_plugin_id(member.key))
                r.problems.add(member.where,
                               path + ": \"" + member.key +
                                   "\" is not a plugin's id (lower case letters, digits, \"_\" and \"-\")");
            read_section(r, plugin_section(), member.value, path + "." + member.key, &plugin);
            config.plugins.push_back(std::move(plugin));
        }
    };
    key.show = [](const void* object) -> Json {
        Json out = Json::object();
        for (const PluginConfig& plugin : static_cast<const Config*>(object)->plugins)
            out[plugin.id] = show_section(plugin_section(), &plugin);
        return out;
    };
    key.schema = [] {
        return Json{{"type", "object"}, {"additionalProperties", section_schema(plugin_section())}};
    };
    return key;
}

} // namespace agenthost::host::conf
