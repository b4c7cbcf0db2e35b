// Runs plugins' verbs: executables agenthost-VERB beside the plugins, as git and kubectl do.
#include "print.hpp"
#include "verbs.hpp"

#include "host/config/defaults.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <set>

namespace agenthost::host::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view prefix = "agenthost-";

bool is_verb(std::string_view verb)
{
    return !verb.empty() && verb.size() <= 64 && verb[0] != '-' && verb[0] != '.' &&
           std::all_of(verb.begin(), verb.end(),
                       [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; });
}

bool is_executable(const fs::path& file)
{
    struct stat st {};
    return ::stat(file.c_str(), &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0;
}

// Anyone who can change the file, or a folder above it, can run code as the calling user; the same rule
// applies to libraries.
std::string who_may_change(const fs::path& file)
{
    std::error_code error;
    const fs::path real = fs::canonical(file, error);
    if (error) return file.string() + ": " + error.message();
    for (fs::path path = real;; path = path.parent_path()) {
        struct stat st {};
        if (::stat(path.c_str(), &st) != 0) return path.string() + ": " + std::strerror(errno);
        const bool shared_folder = S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX) != 0 && st.st_uid == 0 &&
                                   path != real.parent_path();
        if (st.st_uid != 0 && st.st_uid != ::geteuid())
            return path.string() + " belongs to another user (uid " + std::to_string(st.st_uid) +
                   "). Run: chown root " + path.string();
        if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !shared_folder)
            return path.string() + " can be changed by others. Run: chmod go-w " + path.string();
        if (path == path.parent_path()) return {};
    }
}

} // namespace

std::vector<std::string> foreign_verbs(const std::vector<std::string>& plugin_path)
{
    constexpr std::size_t max_verbs = 256;
    std::set<std::string> verbs;
    for (const std::string& folder : plugin_path) {
        std::error_code error;
        for (fs::directory_iterator it{folder, error}, end; !error && it != end && verbs.size() < max_verbs;
             it.increment(error)) {
            const std::string name = it->path().filename().string();
            if (name.starts_with(prefix) && is_verb(name.substr(prefix.size())) && is_executable(it->path()))
                verbs.insert(name.substr(prefix.size()));
        }
    }
    return {verbs.begin(), verbs.end()};
}

std::optional<int> run_foreign(const Context& context, const std::string& verb,
                               const std::vector<std::string>& args)
{
    if (!is_verb(verb)) return std::nullopt;
    fs::path file;
    for (const std::string& folder : context.plugin_path()) {
        const fs::path candidate = fs::path{folder} / (std::string{prefix} + verb);
        if (file.empty() && is_executable(candidate)) file = candidate;
    }
    if (file.empty()) return std::nullopt;
    if (const std::string why = who_may_change(file); !why.empty()) {
        print_error("the verb " + verb + " is not run: " + why);
        return failed;
    }
    std::vector<std::string> all{file.string()};
    all.insert(all.end(), args.begin(), args.end());
    if (context.json)
        all.insert(std::find(all.begin(), all.end(), "--"), "--json"); // what follows "--" is not the verb's
    std::vector<char*> argv;
    for (std::string& arg : all) argv.push_back(arg.data());
    argv.push_back(nullptr);
    std::error_code error;
    const fs::path config = context.load.file.empty() ? default_config_file() : context.load.file;
    ::setenv("AGENTHOST_CONTROL", context.control_socket().c_str(), 1);
    ::setenv("AGENTHOST_CONFIG", fs::absolute(config, error).c_str(), 1);
    std::fflush(stdout);
    ::execv(file.c_str(), argv.data());
    print_error(file.string() + ": " + std::strerror(errno));
    return failed;
}

} // namespace agenthost::host::cli
