#include "file_params.hpp"

#include <agenthost/error.hpp>

#include <exception>

namespace agenthost::docker::service {

using Json = nlohmann::json;
using files::Path;

void invalid_param(const std::string& what) { throw Error{"INVALID_REQUEST", what}; }

std::string text_of(const Json& params, const char* key)
{
    const auto at = params.find(key);
    if (at == params.end() || !at->is_string()) invalid_param(std::string{key} + " is missing");
    return at->get<std::string>();
}

bool flag_of(const Json& params, const char* key, bool otherwise)
{
    const auto at = params.find(key);
    return at != params.end() && at->is_boolean() ? at->get<bool>() : otherwise;
}

std::uint64_t number_of(const Json& params, const char* key, std::uint64_t otherwise)
{
    const auto at = params.find(key);
    return at != params.end() && at->is_number_unsigned() ? at->get<std::uint64_t>() : otherwise;
}

Path path_of(const Json& params, const char* key) { return Path::parse(text_of(params, key)); }

std::optional<mode_t> mode_of(const Json& params, const Path& path)
{
    const auto at = params.find("mode");
    if (at == params.end() || at->is_null()) return std::nullopt;
    if (at->is_number_unsigned()) {
        const auto mode = at->get<std::uint64_t>();
        if (mode > 0777) invalid_param("mode is more than 0777, which is 511 as a number");
        return files::checked_mode(static_cast<mode_t>(mode), path);
    }
    std::size_t used = 0;
    const std::string text = at->is_string() ? at->get<std::string>() : "";
    unsigned long mode = 0;
    try {
        mode = std::stoul(text, &used, 8);
    } catch (const std::exception&) {
        used = 0;
    }
    if (used == 0 || used != text.size() || mode > 0777)
        invalid_param("mode is not octal digits such as 0644");
    return files::checked_mode(static_cast<mode_t>(mode), path);
}

std::string panel_of(std::string_view caller)
{
    const Json json = Json::parse(caller, nullptr, false);
    const auto name = json.find("server");
    return name != json.end() && name->is_string() ? name->get<std::string>() : std::string{};
}

files::WriteOptions write_options(const Json& params, const Path& path)
{
    files::WriteOptions options;
    options.mode = mode_of(params, path);
    options.replace = flag_of(params, "replace", true);
    options.make_parents = flag_of(params, "parents");
    return options;
}

} // namespace agenthost::docker::service
