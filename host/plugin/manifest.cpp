#include "manifest.hpp"

#include "base/json_depth.hpp"
#include "host/schema/error_text.hpp"

#include <agenthost/json.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <stdexcept>

namespace agenthost::host {
namespace {

using Json = nlohmann::json;

// Limits: far more than a plugin needs, far less than would do harm.
constexpr std::size_t max_bytes = 256 << 10;
// A schema needs two or three levels of JSON for each level of the value.
constexpr std::size_t max_depth = 128;
constexpr std::size_t max_actions = 256, max_aliases = 256, max_protocols = 16, max_words = 64;
constexpr std::size_t max_text = 1024, max_id = 32, max_name = 128;
constexpr std::uint32_t max_concurrency = 64, max_queue = 65'536;
constexpr std::uint32_t min_timeout_ms = 100, max_timeout_ms = 600'000;

struct Problem : std::runtime_error {
    using std::runtime_error::runtime_error;
};
[[noreturn]] void fail(const std::string& where, const std::string& what)
{
    throw Problem{where.empty() ? what : where + ": " + what};
}

bool word_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; }

bool is_id(std::string_view text)
{
    return !text.empty() && text.size() <= max_id && text.front() >= 'a' && text.front() <= 'z' &&
           std::all_of(text.begin(), text.end(), word_letter);
}

bool is_name(std::string_view text, std::string_view id)
{
    return text.size() > id.size() + 1 && text.size() <= max_name && text.starts_with(id) &&
           text[id.size()] == '.' &&
           std::all_of(text.begin(), text.end(), [](char c) { return word_letter(c) || c == '.'; });
}

void known_keys(const Json& object, const std::string& where, std::span<const std::string_view> known)
{
    if (!object.is_object()) fail(where, std::string{"must be an object, is "} + object.type_name());
    for (const auto& [key, value] : object.items()) {
        if (std::find(known.begin(), known.end(), key) != known.end() || key.starts_with("x-")) continue;
        fail(where, "unknown key " + quote(key) + hint(key, known));
    }
}

std::string path_to(const std::string& where, std::string_view key)
{
    return where.empty() ? std::string{key} : where + "." + std::string{key};
}

std::string text_of(const Json& object, const std::string& where, const char* key,
                    std::size_t max_size = max_text)
{
    const auto found = object.find(key);
    if (found == object.end()) return {};
    if (!found->is_string())
        fail(path_to(where, key), std::string{"must be a string, is "} + found->type_name());
    auto text = found->get<std::string>();
    if (text.size() > max_size)
        fail(path_to(where, key), "is longer than " + std::to_string(max_size) + " bytes; shorten it");
    if (text.find('\0') != std::string::npos) fail(path_to(where, key), "contains a NUL; remove it");
    return text;
}

bool flag_of(const Json& object, const std::string& where, const char* key, bool otherwise)
{
    const auto found = object.find(key);
    if (found == object.end()) return otherwise;
    if (!found->is_boolean())
        fail(path_to(where, key), std::string{"must be true or false, is "} + found->type_name());
    return found->get<bool>();
}

std::uint32_t count_of(const Json& object, const char* key, std::uint32_t otherwise, std::uint32_t max_count)
{
    const auto found = object.find(key);
    if (found == object.end()) return otherwise;
    const auto count = json_unsigned(*found);
    if (!count || *count < 1 || *count > max_count)
        fail(key, "must be an integer from 1 to " + std::to_string(max_count));
    return static_cast<std::uint32_t>(*count);
}

std::vector<std::string> strings_of(const Json& object, const std::string& where, const char* key)
{
    std::vector<std::string> out;
    const auto found = object.find(key);
    if (found == object.end()) return out;
    const std::string here = path_to(where, key);
    if (!found->is_array()) fail(here, "must be a list of strings");
    if (found->size() > max_words) fail(here, "has more than " + std::to_string(max_words) + " entries");
    for (const Json& one : *found) {
        if (!one.is_string() || one.get_ref<const std::string&>().empty() ||
            one.get_ref<const std::string&>().size() > max_name)
            fail(here, "must be a list of strings of 1 to " + std::to_string(max_name) + " bytes");
        out.push_back(one.get<std::string>());
    }
    return out;
}

// "500ms", "10s", "2m"
std::uint32_t duration_of(const Json& object, const std::string& where, const char* key,
                          std::uint32_t otherwise)
{
    const std::string text = text_of(object, where, key, 16);
    if (text.empty()) return otherwise;
    std::uint64_t number = 0;
    const auto [unit, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view word{unit, static_cast<std::size_t>(text.data() + text.size() - unit)};
    const std::uint64_t factor = word == "ms" ? 1 : word == "s" ? 1000 : word == "m" ? 60'000 : 0;
    if (error != std::errc{} || factor == 0 || number > max_timeout_ms || number * factor < min_timeout_ms ||
        number * factor > max_timeout_ms)
        fail(path_to(where, key), "must be a duration from 100ms to 10m, such as \"10s\"");
    return static_cast<std::uint32_t>(number * factor);
}

std::shared_ptr<const Schema> schema_of(const Json& object, const std::string& where, const char* key,
                                        std::string& text)
{
    const auto found = object.find(key);
    if (found == object.end()) return nullptr;
    text = found->dump();
    std::string why;
    auto schema = compile_schema(text, why);
    if (!schema) fail(path_to(where, key), why);
    return schema;
}

ActionManifest action_of(const Json& json, const std::string& where, const std::string& id)
{
    static constexpr std::array<std::string_view, 7> known{"name",    "summary",    "params", "result",
                                                           "effects", "idempotent", "audit"};
    known_keys(json, where, known);
    ActionManifest out;
    out.name = text_of(json, where, "name", max_name);
    if (out.name.empty()) fail(where + ".name", "is missing; name the action, such as \"" + id + ".info\"");
    if (!is_name(out.name, id))
        fail(where + ".name",
             quote(out.name) + " must start with \"" + id + ".\" and have only a-z, 0-9, '_', '-' and '.'");
    out.summary = text_of(json, where, "summary");
    out.params = schema_of(json, where, "params", out.params_json);
    schema_of(json, where, "result", out.result_json);
    out.effects = flag_of(json, where, "effects", false);
    out.audited = flag_of(json, where, "audit", false) || out.effects;
    out.idempotent = flag_of(json, where, "idempotent", false);
    return out;
}

void read_actions(Manifest& out, const Json& json)
{
    const auto found = json.find("actions");
    if (found == json.end()) return;
    if (!found->is_array()) fail("actions", "must be a list of objects");
    if (found->size() > max_actions)
        fail("actions", "has more than " + std::to_string(max_actions) + " entries");
    std::set<std::string> names;
    for (std::size_t i = 0; i < found->size(); ++i) {
        const std::string where = "actions[" + std::to_string(i) + "]";
        out.actions.push_back(action_of((*found)[i], where, out.id));
        if (!names.insert(out.actions.back().name).second)
            fail(where + ".name", quote(out.actions.back().name) + " is listed twice; remove one");
    }
}

void read_aliases(Manifest& out, const Json& json)
{
    const auto found = json.find("aliases");
    if (found == json.end()) return;
    if (!found->is_object()) fail("aliases", "must be an object: protocol, then wire word, then action");
    if (found->size() > max_protocols)
        fail("aliases", "has more than " + std::to_string(max_protocols) + " protocols");
    std::vector<std::string_view> names;
    for (const ActionManifest& action : out.actions) names.push_back(action.name);
    for (const auto& [protocol, words] : found->items()) {
        const std::string where = "aliases." + protocol;
        if (!words.is_object()) fail(where, "must be an object: wire word, then action");
        if (words.size() > max_aliases)
            fail(where, "has more than " + std::to_string(max_aliases) + " words");
        for (const auto& [word, action] : words.items()) {
            if (word.empty() || word.size() > max_name) fail(where, "a wire word must have 1 to 128 bytes");
            const std::string name = action.is_string() ? action.get<std::string>() : std::string{};
            if (std::find(names.begin(), names.end(), name) == names.end())
                fail(where + "." + word,
                     quote(name) + " is not an action of this manifest" + hint(name, names));
            out.aliases[protocol][word] = name;
        }
    }
}

void read_permissions(Manifest& out, const Json& json)
{
    const auto found = json.find("permissions");
    if (found == json.end()) return;
    static constexpr std::array<std::string_view, 4> known{"call", "listener", "log_tap", "network"};
    known_keys(*found, "permissions", known);
    out.may_call = strings_of(*found, "permissions", "call");
    out.may_listen = flag_of(*found, "permissions", "listener", false);
    out.may_read_log = flag_of(*found, "permissions", "log_tap", false);
    out.may_use_network = flag_of(*found, "permissions", "network", false);
}

void read_isolation(Manifest& out, const Json& json)
{
    if (!json.contains("isolation")) {
        out.may_isolate = !out.may_listen; // a listener's callbacks stay in the host's process
        return;
    }
    out.may_isolate = out.may_in_process = false;
    for (const std::string& word : strings_of(json, {}, "isolation")) {
        if (word == "process")
            out.may_isolate = true;
        else if (word == "in-process")
            out.may_in_process = true;
        else
            fail("isolation", quote(word) + " must be \"in-process\" or \"process\"");
    }
    if (!out.may_isolate && !out.may_in_process)
        fail("isolation", "must name \"in-process\", \"process\" or both");
    if (out.may_isolate && out.may_listen)
        fail("isolation",
             "\"process\" does not go with permissions.listener; listeners work in-process only");
}

void read_timeouts(Manifest& out, const Json& json)
{
    const auto found = json.find("timeouts");
    if (found == json.end()) return;
    static constexpr std::array<std::string_view, 3> known{"create", "start", "stop"};
    known_keys(*found, "timeouts", known);
    out.create_timeout_ms = duration_of(*found, "timeouts", "create", out.create_timeout_ms);
    out.start_timeout_ms = duration_of(*found, "timeouts", "start", out.start_timeout_ms);
    out.stop_timeout_ms = duration_of(*found, "timeouts", "stop", out.stop_timeout_ms);
}

std::shared_ptr<const Manifest> read(std::string_view text)
{
    if (text.size() > max_bytes) fail({}, "is larger than 256 KiB; a manifest is small");
    if (!base::json_depth_ok(text, max_depth)) fail({}, "is nested deeper than 128 levels");
    const Json json = Json::parse(text);
    static constexpr std::array<std::string_view, 15> known{
        "id",          "version", "license",      "description", "run",
        "concurrency", "queue",   "capabilities", "events",      "actions",
        "aliases",     "config",  "permissions",  "isolation",   "timeouts"};
    known_keys(json, {}, known);
    auto out = std::make_shared<Manifest>();
    out->text = text;
    out->id = text_of(json, {}, "id", max_name);
    if (!is_id(out->id))
        fail("id", quote(out->id) + " must be 1 to 32 of a-z, 0-9, '_' and '-', beginning with a letter");
    if (out->id == "host") fail("id", "\"host\" is the daemon's own; choose another");
    out->version = text_of(json, {}, "version", 64);
    if (out->version.empty()) fail("version", "is missing; give one, such as \"1.0.0\"");
    out->license = text_of(json, {}, "license", 64);
    out->description = text_of(json, {}, "description");
    if (const std::string run = text_of(json, {}, "run", 16); run == "inline")
        out->run = Manifest::Run::inline_;
    else if (!run.empty() && run != "worker")
        fail("run", quote(run) + " must be \"worker\" or \"inline\"");
    out->concurrency = count_of(json, "concurrency", out->concurrency, max_concurrency);
    out->queue = count_of(json, "queue", out->queue, max_queue);
    out->capabilities = strings_of(json, {}, "capabilities");
    out->events = strings_of(json, {}, "events");
    read_actions(*out, json);
    read_aliases(*out, json);
    out->config = schema_of(json, {}, "config", out->config_json);
    read_permissions(*out, json);
    read_isolation(*out, json);
    read_timeouts(*out, json);
    return out;
}

} // namespace

std::shared_ptr<const Manifest> parse_manifest(std::string_view text, std::string_view file, std::string& why)
{
    why.clear();
    try {
        return read(text);
    } catch (const Problem& problem) {
        why = std::string{file} + ": " + problem.what();
    } catch (const Json::parse_error& e) {
        why = std::string{file} + ": not valid JSON near byte " + std::to_string(e.byte) +
              "; check commas, quotes and braces";
    } catch (const std::exception& e) {
        why = std::string{file} + ": " + e.what();
    }
    return nullptr;
}

} // namespace agenthost::host
