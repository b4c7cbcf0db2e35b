#include "action_words.hpp"

#include "base/json_depth.hpp"
#include "wire/protocol_traits.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

namespace agenthost::hub {

// Generated from plugins/*/manifest.json (known_manifests.cmake); ends with a null pointer.
extern const char* const known_manifests[];

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::uintmax_t max_manifest_bytes = 1 << 20;
constexpr std::size_t max_manifests = 1'000; // in a folder

std::string add_file(ActionWords& words, const fs::path& file)
{
    std::error_code failed;
    const std::uintmax_t size = fs::file_size(file, failed);
    if (failed) return file.string() + ": " + failed.message();
    if (size > max_manifest_bytes) return file.string() + ": is larger than 1 MiB";
    std::ifstream in{file, std::ios::binary};
    if (!in) return file.string() + ": cannot be opened. Check its owner and mode";
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    const std::string wrong = words.add(text);
    return wrong.empty() ? wrong : file.string() + ": " + wrong;
}

} // namespace

ActionWords::ActionWords()
{
    for (const wire::ProtocolTraits& row : wire::protocols())
        if (!row.ping_word.empty()) protocols_[std::string{row.name}].try_emplace("host.ping", row.ping_word);
    for (const char* const* manifest = known_manifests; *manifest != nullptr; ++manifest) add(*manifest);
}

std::string ActionWords::add(std::string_view manifest_json)
{
    const Json manifest = base::parse_json<Json>(manifest_json);
    if (!manifest.is_object()) return "is not a JSON object; a plugin's manifest is expected";
    const auto aliases = manifest.find("aliases");
    if (aliases == manifest.end()) return {};
    if (!aliases->is_object()) return "\"aliases\" is not an object";
    for (const auto& [protocol, words] : aliases->items()) {
        if (!words.is_object()) return "\"aliases\": " + protocol + " is not an object";
        for (const auto& [word, action] : words.items())
            if (!action.is_string()) return "\"aliases\": " + protocol + ": " + word + " is not text";
        // A dialect's other word for the same action is not sent to agents of the protocol itself.
        for (const bool own_verb : {true, false})
            for (const auto& [word, action] : words.items())
                if (const auto name = action.get<std::string>(); name.ends_with("." + word) == own_verb)
                    protocols_[protocol].try_emplace(name, word);
    }
    return {};
}

std::string ActionWords::add_path(const std::string& path)
{
    std::error_code failed;
    if (!fs::is_directory(path, failed)) return add_file(*this, path);
    std::set<fs::path> files; // sorted, so that the same name wins on every machine
    for (fs::directory_iterator at{path, failed}, end; !failed && at != end; at.increment(failed)) {
        if (at->path().filename().string().ends_with(".manifest.json")) files.insert(at->path());
        if (files.size() > max_manifests) return path + ": holds more than 1,000 manifests";
    }
    if (failed) return path + ": " + failed.message();
    for (const fs::path& file : files)
        if (std::string wrong = add_file(*this, file); !wrong.empty()) return wrong;
    return {};
}

std::string_view ActionWords::word(std::string_view protocol, std::string_view action) const
{
    const auto words = protocols_.find(protocol);
    if (words == protocols_.end()) return action;
    const auto found = words->second.find(action);
    return found == words->second.end() ? action : std::string_view{found->second};
}

bool ActionWords::is_run(std::string_view action) const
{
    return action == run_action || std::ranges::any_of(protocols_, [&](const auto& words) {
               const auto found = words.second.find(run_action);
               return found != words.second.end() && found->second == action;
           });
}

} // namespace agenthost::hub
