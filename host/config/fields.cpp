#include "fields.hpp"

#include "base/suggestion.hpp"
#include "netclient/url.hpp"
#include "secret_names.hpp"

#include <charconv>
#include <cmath>

namespace agenthost::host::conf {

namespace {

std::string describe_without_secrets(const Value& value, const std::string& path)
{
    if (value.kind != Value::Kind::scalar) return describe(value);
    if (sounds_secret(path)) return "a text (not shown, it may be secret)";
    Value shown = value;
    if (value.text.find("://") != std::string::npos) shown.text = netclient::redact_url(value.text);
    return describe(shown);
}

} // namespace

void expected(Reading& r, const Value& value, const std::string& path, const std::string& what)
{
    r.problems.add(value.where,
                   path + ": expected " + what + ", not " + describe_without_secrets(value, path));
}

std::optional<std::string> read_text(Reading& r, const Value& value, const std::string& path,
                                     const std::string& what, std::size_t max)
{
    if (value.kind != Value::Kind::scalar || value.text.empty()) {
        expected(r, value, path, what);
        return std::nullopt;
    }
    if (value.text.size() > max) {
        r.problems.add(value.where, path + ": longer than " + std::to_string(max) + " bytes");
        return std::nullopt;
    }
    for (unsigned char c : value.text)
        if (c < 0x20 || c == 0x7f) {
            r.problems.add(value.where,
                           path + ": has a control character (a line break?); write it on one line");
            return std::nullopt;
        }
    return value.text;
}

std::optional<std::int64_t> read_whole(Reading& r, const Value& value, const std::string& path,
                                       std::int64_t min, std::int64_t max)
{
    std::int64_t number = 0;
    if (value.kind == Value::Kind::scalar && !value.text.empty()) {
        const char* end = value.text.data() + value.text.size();
        const auto [stop, error] = std::from_chars(value.text.data(), end, number);
        if (error == std::errc{} && stop == end && number >= min && number <= max) return number;
    }
    expected(r, value, path, "a whole number from " + std::to_string(min) + " to " + std::to_string(max));
    return std::nullopt;
}

std::optional<double> read_real(Reading& r, const Value& value, const std::string& path, double min,
                                double max)
{
    double number = 0;
    if (value.kind == Value::Kind::scalar && !value.text.empty()) {
        const char* end = value.text.data() + value.text.size();
        const auto [stop, error] = std::from_chars(value.text.data(), end, number);
        if (error == std::errc{} && stop == end && std::isfinite(number) && number >= min && number <= max)
            return number;
    }
    expected(r, value, path, "a number from " + show_number(min).dump() + " to " + show_number(max).dump());
    return std::nullopt;
}

std::optional<bool> read_flag(Reading& r, const Value& value, const std::string& path)
{
    if (value.kind == Value::Kind::scalar) {
        for (const char* yes : {"true", "True", "TRUE"})
            if (value.text == yes) return true;
        for (const char* no : {"false", "False", "FALSE"})
            if (value.text == no) return false;
    }
    expected(r, value, path, "true or false");
    return std::nullopt;
}

std::optional<std::uint64_t> read_size(Reading& r, const Value& value, const std::string& path,
                                       std::uint64_t min, std::uint64_t max)
{
    std::string why = "a size such as 512KiB, 1MiB or 2GiB";
    if (value.kind == Value::Kind::scalar) {
        if (const auto bytes = parse_size(value.text, why)) {
            if (*bytes >= min && *bytes <= max) return bytes;
            why = "a size from " + format_size(min) + " to " + format_size(max);
        }
    }
    expected(r, value, path, why);
    return std::nullopt;
}

std::optional<milliseconds> read_duration(Reading& r, const Value& value, const std::string& path,
                                          milliseconds min, milliseconds max)
{
    std::string why = "a duration such as 500ms, 30s, 5m, 1h or 7d";
    if (value.kind == Value::Kind::scalar) {
        if (const auto time = parse_duration(value.text, why)) {
            if (*time >= min && *time <= max) return time;
            why = "a duration from " + format_duration(min) + " to " + format_duration(max);
        }
    }
    expected(r, value, path, why);
    return std::nullopt;
}

std::optional<std::string> read_choice(Reading& r, const Value& value, const std::string& path,
                                       const std::vector<std::string>& words)
{
    if (value.kind == Value::Kind::scalar)
        for (const std::string& word : words)
            if (value.text == word) return word;
    std::string all;
    for (const std::string& word : words)
        all += (all.empty() ? "" : &word == &words.back() ? " or " : ", ") + word;
    const std::string near = value.kind == Value::Kind::scalar ? base::did_you_mean(value.text, words) : "";
    r.problems.add(value.where, path + ": expected " + all + ", not " + describe(value) + near);
    return std::nullopt;
}

std::optional<std::string> read_path(Reading& r, const Value& value, const std::string& path)
{
    const auto text = read_text(r, value, path, "the path of a file", 4096);
    if (!text) return std::nullopt;
    const std::filesystem::path base =
        value.where.source ? value.where.source->base : std::filesystem::path{};
    return (base / *text).lexically_normal().string(); // an absolute path replaces the base
}

std::optional<std::vector<std::string>> read_list(Reading& r, const Value& value, const std::string& path,
                                                  bool paths)
{
    if (value.kind != Value::Kind::list) {
        const bool one = value.kind == Value::Kind::scalar && !value.text.empty() && value.text.size() < 60 &&
                         !sounds_secret(path);
        expected(r, value, path, one ? "a list, such as [\"" + value.text + "\"]" : "a list");
        return std::nullopt;
    }
    std::vector<std::string> out;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
        const std::string at = path + "[" + std::to_string(i) + "]";
        auto text = paths ? read_path(r, value.items[i], at) : read_text(r, value.items[i], at, "text");
        if (text) out.push_back(std::move(*text));
    }
    return out;
}

std::optional<std::map<std::string, std::string>>
read_dictionary(Reading& r, const Value& value, const std::string& path, const std::string& what)
{
    if (value.kind != Value::Kind::map) {
        // Not shown: its values may be secrets, such as a header's.
        const bool text = value.kind == Value::Kind::scalar;
        r.problems.add(value.where, path + ": expected a map such as {" + what + "}, not " +
                                        (text ? "a text" : describe(value)));
        return std::nullopt;
    }
    std::map<std::string, std::string> out;
    for (const Member& member : value.members)
        if (auto text = read_text(r, member.value, path + "." + member.key, "text"))
            out[member.key] = std::move(*text);
    return out;
}

std::optional<SecretSource> read_secret_source(Reading& r, const Value& value, const std::string& path)
{
    static const std::vector<std::string> ways{"file", "env", "systemd"};
    const std::string how = "{file: PATH}, {env: NAME} or {systemd: NAME}";
    if (value.kind == Value::Kind::scalar) { // not shown: it may be the secret itself
        r.problems.add(
            value.where,
            path + ": a secret does not belong into the configuration. Put it into a file of mode 0600 "
                   "and write {file: PATH} here; {env: NAME} and {systemd: NAME} also work");
        return std::nullopt;
    }
    SecretSource out;
    const Member* const mode = value.kind == Value::Kind::map ? value.find("mode") : nullptr;
    if (value.kind != Value::Kind::map || value.members.size() != (mode ? 2U : 1U)) {
        r.problems.add(value.where, path + ": expected one of " + how);
        return std::nullopt;
    }
    const Member& way = value.members[mode == &value.members[0] ? 1 : 0];
    const std::string at = path + "." + way.key;
    if (way.key == "file") {
        auto file = read_path(r, way.value, at);
        if (!file) return std::nullopt;
        out = {SecretSource::Kind::file, std::move(*file)};
    } else if (way.key == "env" || way.key == "systemd") {
        auto name = read_text(r, way.value, at, "a name", 255);
        if (!name) return std::nullopt;
        if (name->find_first_of("/=") != std::string::npos) {
            r.problems.add(way.value.where, at + ": a name has no \"/\" or \"=\" in it");
            return std::nullopt;
        }
        out = {way.key == "env" ? SecretSource::Kind::env : SecretSource::Kind::systemd, std::move(*name)};
    } else {
        r.problems.add(way.where, "unknown key \"" + way.key + "\" in " + path +
                                      base::did_you_mean(way.key, ways) + "; expected one of " + how);
        return std::nullopt;
    }
    if (!mode) return out;
    if (out.kind != SecretSource::Kind::file || mode->value.kind != Value::Kind::scalar ||
        mode->value.text != "any") {
        r.problems.add(mode->where,
                       path + ".mode: only \"any\" is possible, and only beside file: it admits a file "
                              "that others on this machine may read");
        return std::nullopt;
    }
    out.any_mode = true;
    return out;
}

Json show_number(double value)
{
    if (value == std::floor(value) && std::abs(value) < 1e15) return static_cast<std::int64_t>(value);
    return value;
}

Json show_secret(const SecretSource& source)
{
    switch (source.kind) {
    case SecretSource::Kind::none: return {};
    case SecretSource::Kind::file:
        if (source.any_mode) return {{"file", source.name}, {"mode", "any"}};
        return {{"file", source.name}};
    case SecretSource::Kind::env: return {{"env", source.name}};
    case SecretSource::Kind::systemd: return {{"systemd", source.name}};
    }
    return {};
}

Json size_schema()
{
    return {{"oneOf", Json::array({{{"type", "integer"}, {"minimum", 0}},
                                   {{"type", "string"}, {"pattern", base::size_pattern}}})}};
}

Json duration_schema()
{
    return {
        {"oneOf", Json::array({{{"const", 0}}, {{"type", "string"}, {"pattern", base::duration_pattern}}})}};
}

Json secret_schema()
{
    const auto way = [](const char* name) {
        Json properties{{name, {{"type", "string"}}}};
        if (std::string_view{name} == "file") properties["mode"] = {{"const", "any"}};
        return Json{{"type", "object"},
                    {"properties", std::move(properties)},
                    {"required", Json::array({name})},
                    {"additionalProperties", false}};
    };
    return {{"oneOf", Json::array({way("file"), way("env"), way("systemd")})}};
}

} // namespace agenthost::host::conf
