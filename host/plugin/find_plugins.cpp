// Finds the plugins in the folders by their manifests; loads nothing.
#include "library.hpp"
#include "plugin.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include <sys/stat.h>

namespace agenthost::host {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = ".manifest.json";
constexpr std::size_t max_plugins = 1024; // files looked at in all
// Bytes read of a manifest; parse_manifest() rejects more than 256 KiB.
constexpr std::streamsize max_bytes = 512 << 10;

std::string read_text(const fs::path& file, std::string& why)
{
    std::ifstream in{file, std::ios::binary};
    if (!in) {
        why = file.string() + ": cannot be read. Give the daemon's user read access.";
        return {};
    }
    std::string text(static_cast<std::size_t>(max_bytes), '\0');
    in.read(text.data(), max_bytes);
    text.resize(static_cast<std::size_t>(in.gcount()));
    return text;
}

} // namespace

std::string file_identity(const std::string& file)
{
    struct stat s {};
    if (::stat(file.c_str(), &s) != 0) return "none";
    return std::to_string(s.st_dev) + ":" + std::to_string(s.st_ino) + ":" + std::to_string(s.st_size) + ":" +
           std::to_string(s.st_mtim.tv_sec) + "." + std::to_string(s.st_mtim.tv_nsec);
}

namespace {

FoundPlugin found_at(const fs::path& file, std::string id)
{
    FoundPlugin out;
    out.id = std::move(id);
    out.manifest_file = file.string();
    out.library = (file.parent_path() / (out.id + ".so")).string();
    // Taken before the manifest is read, so that a file that is replaced in between is noticed the next time.
    out.identity = out.library + " " + file_identity(out.library) + " " + file_identity(out.manifest_file);
    const std::string text = read_text(file, out.problem);
    if (!out.problem.empty()) return out;
    out.manifest = parse_manifest(text, out.manifest_file, out.problem);
    if (out.manifest && out.manifest->id != out.id) {
        out.problem = out.manifest_file + ": id: is \"" + out.manifest->id +
                      "\", but the file is named for \"" + out.id +
                      "\". Rename the file and its library, or correct the id.";
        out.manifest = nullptr;
    }
    return out;
}

} // namespace

std::vector<FoundPlugin> find_plugins(const std::vector<std::string>& path)
{
    std::vector<FoundPlugin> out;
    std::set<std::string> ids;
    for (const std::string& folder : path) {
        std::vector<std::pair<std::string, fs::path>> here;
        std::error_code ec;
        for (fs::directory_iterator it{folder, ec}, end; !ec && it != end && here.size() < max_plugins;
             it.increment(ec)) {
            const std::string name = it->path().filename().string();
            if (name.size() <= suffix.size() || !name.ends_with(suffix)) continue;
            here.emplace_back(name.substr(0, name.size() - suffix.size()), it->path());
        }
        std::sort(here.begin(), here.end());
        for (const auto& [id, file] : here)
            if (ids.size() < max_plugins && ids.insert(id).second) out.push_back(found_at(file, id));
    }
    return out;
}

} // namespace agenthost::host
