// Reads the parameters of file actions. Each throws agenthost::Error with the parameter's name. Pure.
#pragma once

#include "plugins/docker/files/path.hpp"
#include "plugins/docker/files/write.hpp"

#include <nlohmann/json.hpp>

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::docker::service {

// A value has the type that the manifest's schema gives it; a parameter of another type counts as absent.
[[noreturn]] void invalid_param(const std::string& what);
std::string text_of(const nlohmann::json& params, const char* key); // throws when it is absent
bool flag_of(const nlohmann::json& params, const char* key, bool otherwise = false);
std::uint64_t number_of(const nlohmann::json& params, const char* key, std::uint64_t otherwise);
// Whether users may touch it is the Root's to say.
files::Path path_of(const nlohmann::json& params, const char* key);
// "0644", 420 or absent.
std::optional<mode_t> mode_of(const nlohmann::json& params, const files::Path&);
// The name of the server (a panel, usually) that sent a request, of its caller's JSON: threads and waiting
// places are shared fairly among these. Never throws.
std::string panel_of(std::string_view caller);
// mode, replace and parents of write_file.
files::WriteOptions write_options(const nlohmann::json& params, const files::Path&);

} // namespace agenthost::docker::service
