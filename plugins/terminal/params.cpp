#include "params.hpp"

#include "base/base64.hpp"
#include <agenthost/error.hpp>
#include <agenthost/json.hpp>
#include <nlohmann/json.hpp>

#include <cmath>

namespace agenthost::terminal {

namespace {

using Json = nlohmann::json;

constexpr std::size_t max_arguments = 4096, max_variables = 1024, max_id = 128;
constexpr std::size_t max_argument = 128 << 10; // MAX_ARG_STRLEN of the kernel

[[noreturn]] void refuse(const std::string& what) { throw Error{"INVALID_REQUEST", what, AGH_E_INVALID}; }

Json object(std::string_view text)
{
    Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) refuse("the parameters are not a JSON object");
    return json;
}

// A missing member and null are equivalent.
const Json* member(const Json& json, const char* key)
{
    const auto at = json.find(key);
    return at == json.end() || at->is_null() ? nullptr : &*at;
}

std::string checked(const Json& value, const std::string& what, std::size_t max = max_argument)
{
    if (!value.is_string()) refuse(what + " is not a string");
    const auto& text = value.get_ref<const std::string&>();
    if (text.find('\0') != text.npos) refuse(what + " contains a NUL");
    if (text.size() >= max) refuse(what + " is longer than " + std::to_string(max - 1) + " bytes");
    return text;
}

std::string string(const Json& json, const char* key, std::size_t max = max_argument)
{
    const Json* value = member(json, key);
    return value ? checked(*value, key, max) : std::string{};
}

bool flag(const Json& json, const char* key, bool otherwise)
{
    const Json* value = member(json, key);
    if (value && !value->is_boolean()) refuse(std::string{key} + " is not true or false");
    return value ? value->get<bool>() : otherwise;
}

std::optional<std::uint64_t> number(const Json& json, const char* key)
{
    const Json* value = member(json, key);
    if (!value) return std::nullopt;
    const auto whole = json_unsigned(*value);
    if (!whole) refuse(std::string{key} + " is not a whole number of 0 or more");
    return whole;
}

std::uint16_t side(const Json& json, const char* key, std::uint16_t otherwise)
{
    const auto value = number(json, key);
    if (value && (*value == 0 || *value > 10'000))
        refuse(std::string{key} + " is not a number from 1 to 10000");
    return value ? static_cast<std::uint16_t>(*value) : otherwise;
}

Size size_of(const Json& json)
{
    const Size usual;
    return {.columns = side(json, "cols", usual.columns), .rows = side(json, "rows", usual.rows)};
}

std::string id_of(const Json& json, bool required)
{
    std::string id = string(json, "commandId", max_id + 1);
    if (required && id.empty())
        refuse("commandId is missing: the id that terminal.run was given, or made (terminal.list shows it)");
    return id;
}

// Binary data is base64, marked by a member `encoding`.
std::string bytes(const Json& json, const char* key, const char* encoding)
{
    const Json* value = member(json, key);
    if (!value) return {};
    if (!value->is_string()) refuse(std::string{key} + " is not a string");
    const std::string how = string(json, encoding);
    if (how.empty() || how == "utf8") return value->get<std::string>();
    if (how != "base64") refuse(std::string{encoding} + " is utf8 or base64");
    auto decoded = base::from_base64(value->get_ref<const std::string&>());
    if (!decoded) refuse(std::string{key} + " is not base64");
    return std::move(*decoded);
}

std::vector<std::string> arguments(const Json& value)
{
    if (!value.is_array() || value.empty() || value.size() > max_arguments)
        refuse("argv is not an array of 1 to " + std::to_string(max_arguments) + " strings");
    std::vector<std::string> argv;
    for (const Json& one : value) argv.push_back(checked(one, "argv[" + std::to_string(argv.size()) + "]"));
    if (argv[0].empty()) refuse("argv[0] is empty");
    return argv;
}

bool is_name(std::string_view name)
{
    for (std::size_t i = 0; i < name.size(); ++i) {
        const char c = name[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) return false;
    }
    return !name.empty();
}

std::map<std::string, std::string> variables(const Json& value)
{
    if (!value.is_object() || value.size() > max_variables)
        refuse("env is not an object of at most " + std::to_string(max_variables) + " strings");
    std::map<std::string, std::string> env;
    for (const auto& [name, text] : value.items()) {
        if (!is_name(name))
            refuse("env contains an invalid variable name; use letters, digits and _, and begin with a "
                   "letter or _");
        env[name] = checked(text, "env." + name);
    }
    return env;
}

} // namespace

RunParams parse_run(std::string_view text)
{
    const Json json = object(text);
    RunParams run;
    run.id = id_of(json, false);
    run.command = string(json, "command");
    if (const Json* argv = member(json, "argv")) run.argv = arguments(*argv);
    if (run.argv.empty() == run.command.empty())
        refuse("say either argv, such as [\"uname\", \"-a\"], or command, a string for the shell");
    run.cwd = string(json, "cwd", 4096);
    if (!run.cwd.empty() && run.cwd[0] != '/') refuse("cwd is not an absolute path");
    if (const Json* env = member(json, "env")) run.env = variables(*env);
    if (member(json, "stdin")) run.input = bytes(json, "stdin", "stdin_encoding");
    run.keep_input = flag(json, "input", false);
    run.run_as = string(json, "run_as", 64);
    if (const auto ms = number(json, "timeoutMs"))
        run.timeout = std::chrono::milliseconds{std::min<std::uint64_t>(*ms, 1ull << 40)};
    if (const Json* seconds = member(json, "timeout")) {
        if (!seconds->is_number() || !(seconds->get<double>() >= 0))
            refuse("timeout is not a number of seconds");
        run.timeout = std::chrono::milliseconds{
            static_cast<std::int64_t>(std::ceil(std::min(seconds->get<double>(), 1e9) * 1000))};
    }
    run.max_output = number(json, "max_output");
    if (const std::string word = string(json, "priority"); !word.empty()) {
        const auto parsed = priority(word);
        if (!parsed) refuse("priority is low, normal, high or urgent");
        run.priority = *parsed;
    }
    if (const Json* pty = member(json, "pty")) {
        if (pty->is_object())
            run.pty = size_of(*pty);
        else if (!pty->is_boolean())
            refuse("pty is true or an object such as {\"cols\": 80, \"rows\": 24}");
        else if (pty->get<bool>())
            run.pty = Size{};
    }
    return run;
}

InterruptParams parse_interrupt(std::string_view text)
{
    const Json json = object(text);
    return {.id = id_of(json, true), .force = flag(json, "force", false)};
}

InputParams parse_input(std::string_view text)
{
    const Json json = object(text);
    InputParams input{.id = id_of(json, true),
                      .data = bytes(json, "data", "encoding"),
                      .end = flag(json, "eof", false),
                      .offset = number(json, "offset")};
    if (input.data.empty() && !input.end) refuse("data is missing: what to type");
    return input;
}

ResizeParams parse_resize(std::string_view text)
{
    const Json json = object(text);
    if (!member(json, "cols") || !member(json, "rows")) refuse("cols and rows are both needed");
    return {.id = id_of(json, true), .size = size_of(json)};
}

AttachParams parse_attach(std::string_view text)
{
    const Json json = object(text);
    return {.id = id_of(json, true),
            .offset = number(json, "offset").value_or(0),
            .stderr_offset = number(json, "stderr_offset").value_or(0),
            .follow = flag(json, "follow", true)};
}

} // namespace agenthost::terminal
