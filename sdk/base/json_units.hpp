// Sizes, durations and secrets in a plugin's configuration, which is JSON. The grammar is units.hpp's.
#pragma once

#include "secret.hpp"
#include "units.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace agenthost::base {

// Text or a bare number. nullopt and `why`: `"lots" is not a size such as 512KiB, 1MiB or 2GiB`.
template <class Json> std::optional<std::uint64_t> size_in(const Json& value, std::string& why)
{
    std::string expected;
    std::optional<std::uint64_t> out;
    if (value.is_string() || value.is_number())
        out = parse_size(value.is_string() ? value.template get<std::string>() : value.dump(), expected);
    if (expected.empty()) (void)parse_size("", expected);
    if (!out) why = value.dump() + " is not " + expected;
    return out;
}
template <class Json>
std::optional<std::chrono::milliseconds> duration_in(const Json& value, std::string& why)
{
    std::string expected;
    std::optional<std::chrono::milliseconds> out;
    if (value.is_string() || value.is_number())
        out = parse_duration(value.is_string() ? value.template get<std::string>() : value.dump(), expected);
    if (expected.empty()) (void)parse_duration("", expected);
    if (!out) why = value.dump() + " is not " + expected;
    return out;
}

// {"file": PATH}, {"env": NAME} or {"systemd": NAME}; a file also with "mode": "any".
template <class Json> std::optional<SecretSource> secret_in(const Json& value, std::string& why)
{
    using Kind = SecretSource::Kind;
    SecretSource out;
    bool good = value.is_object();
    if (good)
        for (const auto& [key, entry] : value.items()) {
            const Kind kind = key == "file"      ? Kind::file
                              : key == "env"     ? Kind::env
                              : key == "systemd" ? Kind::systemd
                                                 : Kind::none;
            if (key == "mode" && entry == "any") {
                out.any_mode = true;
                continue;
            }
            good = good && kind != Kind::none && out.kind == Kind::none && entry.is_string();
            if (!good) break;
            out.kind = kind;
            out.name = entry.template get<std::string>();
        }
    if (good && out.kind != Kind::none && (!out.any_mode || out.kind == Kind::file)) return out;
    why =
        "a secret is written as {file: PATH}, {env: NAME} or {systemd: NAME}; a file that everyone may read "
        "needs {file: PATH, mode: any}";
    return std::nullopt;
}

} // namespace agenthost::base
