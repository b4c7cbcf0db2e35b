#include "config.hpp"
#include "defaults.hpp"
#include "keys.hpp"
#include "merge.hpp"
#include "tables.hpp"

#include "base/ascii.hpp"
#include "base/fd.hpp"
#include "base/split.hpp"
#include "base/utf8.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <deque>
#include <optional>

extern char** environ;

namespace agenthost::host {

namespace fs = std::filesystem;
using namespace conf;

namespace {

constexpr std::string_view environment_prefix = "AGENTHOST__";
constexpr std::size_t max_fragments = 256; // files of conf.d

// One load: sources stay where they are while values point to them.
struct Load {
    Problems problems;
    std::deque<Source> sources;
    Value root;
    std::vector<std::string> files;

    const Source& source(std::string name, fs::path base)
    {
        sources.push_back({std::move(name), std::move(base), static_cast<int>(sources.size())});
        return sources.back();
    }
};

std::optional<std::string> read_bounded(Load& load, const Source& source, const fs::path& file)
{
    const Where where{&source, 0, 0};
    const base::Fd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
    struct stat st {};
    if (!fd || ::fstat(fd.get(), &st) != 0) {
        const int error = errno;
        load.problems.add(where,
                          std::string{"cannot be read: "} + std::strerror(error) +
                              (error == EACCES
                                   ? "; run as root or as the daemon's user, or name another file with -c"
                                   : ""));
        return std::nullopt;
    }
    if (S_ISDIR(st.st_mode)) {
        load.problems.add(where, "is a directory; name the file in it, such as " +
                                     (file / "agenthost.yaml").string());
        return std::nullopt;
    }
    if (S_ISREG(st.st_mode) && (st.st_mode & S_IWOTH) != 0) {
        load.problems.add(
            where, "everyone on this machine may change it, and so run commands as the daemon. chmod o-w " +
                       file.string());
        return std::nullopt;
    }
    std::string text(max_file_bytes + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t n = ::read(fd.get(), text.data() + size, text.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            load.problems.add(where, std::string{"cannot be read: "} + std::strerror(errno));
            return std::nullopt;
        }
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    if (size > max_file_bytes) {
        load.problems.add(where, "larger than 1 MiB; this is not a configuration of agenthost");
        return std::nullopt;
    }
    text.resize(size);
    return text;
}

void add_file(Load& load, const LoadRequest& request, const fs::path& file, const fs::path& base)
{
    const Source& source = load.source(file.string(), base);
    const auto text = read_bounded(load, source, file);
    if (!text) return;
    if (text->find_first_not_of(" \t\r\n") == std::string::npos) {
        const auto& had = request.had_text;
        if (std::find(had.begin(), had.end(), file.string()) != had.end())
            load.problems.add({&source, 0, 0}, "is empty now; if nothing is to run, write a comment into it");
        return;
    }
    load.files.push_back(file.string());
    Value value = parse_yaml(*text, source, load.problems);
    if (value.kind == Value::Kind::null) return; // only comments, or reported
    if (value.kind != Value::Kind::map) {
        load.problems.add(value.where, "expected a map of sections (agent:, servers:, plugins: ...), not " +
                                           describe(value));
        return;
    }
    merge(load.root, std::move(value));
}

void add_files(Load& load, const LoadRequest& request)
{
    const fs::path file = request.file.empty() ? default_config_file() : request.file;
    const bool chosen = !request.file.empty() || std::getenv("AGENTHOST_CONFIG");
    std::error_code error;
    const fs::path folder = fs::absolute(file, error).parent_path();
    if (const auto status = fs::status(file, error); !fs::exists(status)) {
        const bool hidden = error == std::errc::permission_denied;
        if (chosen || hidden) {
            const Source& source = load.source(file.string(), folder);
            load.problems.add(
                {&source, 0, 0},
                hidden ? "cannot be reached: permission denied; run as root or as the daemon's user"
                       : "there is no such file; name another with -c FILE");
            return;
        }
    } else {
        add_file(load, request, file, folder);
    }
    std::vector<fs::path> fragments;
    const fs::path directory = file.parent_path() / "conf.d";
    for (fs::directory_iterator it{directory, error}, end; !error && it != end; it.increment(error)) {
        const std::string name = it->path().filename().string();
        if (name.starts_with('.')) continue;
        if (name.ends_with(".yml") || name.ends_with(".YML"))
            load.problems.warn({&load.source(it->path().string(), folder), 0, 0},
                               "is not read: only files that end in .yaml are. Rename it to " +
                                   it->path().filename().replace_extension(".yaml").string());
        if (name.ends_with(".yaml")) fragments.push_back(it->path());
    }
    struct stat st {};
    if (::stat(directory.c_str(), &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & S_IWOTH) != 0) {
        const Source& source = load.source(directory.string(), folder);
        load.problems.add({&source, 0, 0},
                          "everyone on this machine may add files to it, and so run commands as "
                          "the daemon. chmod o-w " +
                              directory.string());
        return;
    }
    std::sort(fragments.begin(), fragments.end());
    if (fragments.size() > max_fragments) {
        const Source& source = load.source(directory.string(), folder);
        load.problems.add({&source, 0, 0}, "more than 256 files; merge some");
        fragments.resize(max_fragments);
    }
    for (const fs::path& fragment : fragments) add_file(load, request, fragment, folder);
}

// Text from outside a file: "[a, b]", "{k: v}" and quoted text are YAML, anything else is taken as it is.
Value outside_value(Load& load, const Source& source, const std::string& text)
{
    Value value;
    if (base::utf8_valid_prefix(text) != text.size()) {
        load.problems.add({&source, 0, 0}, "is not valid UTF-8");
    } else if (!text.empty() && std::string_view{"[{\"'"}.find(text[0]) != std::string_view::npos) {
        value = parse_yaml(text, source, load.problems);
    } else if (!text.empty()) { // "metrics.bind=" unsets
        value.kind = Value::Kind::scalar;
        value.text = text;
    }
    value.where = {&source, 0, 0};
    return value;
}

std::string upper_case(std::string_view text)
{
    std::string out{text};
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return out;
}

void set_outside(Load& load, const Source& source, const std::vector<std::string>& path,
                 const std::string& text, bool loose)
{
    const std::string why = set_path(load.root, path, outside_value(load, source, text), loose);
    if (!why.empty()) load.problems.add({&source, 0, 0}, why);
}

// Returns "LOG__LEVEL" for "LOG_LEVEL" if log.level is a setting, otherwise "". For lists and plugins it
// compares only the section.
std::string nearest_setting(std::string_view variable)
{
    const Json schema = section_schema(root_section())["properties"];
    for (const auto& [section, value] : schema.items()) {
        const std::string upper = upper_case(section) + "_";
        if (!variable.starts_with(upper) || variable.size() == upper.size()) continue;
        const std::string rest{variable.substr(upper.size())};
        // servers, listeners and plugins: a NAME and the key, both of which may contain underscores.
        if (!value.contains("properties")) {
            if (rest.find('_') != std::string::npos) return upper + "_NAME__KEY";
            continue;
        }
        for (const auto& [key, ignored] : value["properties"].items())
            if (upper_case(key) == rest) return upper + "_" + rest;
    }
    return {};
}

// AGENTHOST_LOG_LEVEL: a setting with one underscore where two belong would be ignored without a word.
void warn_of_near_variables(Load& load)
{
    for (char** entry = environ; entry && *entry; ++entry) {
        const std::string_view text{*entry};
        const std::string_view name = text.substr(0, text.find('='));
        if (!name.starts_with("AGENTHOST_") || name.starts_with(environment_prefix)) continue;
        const std::string meant = nearest_setting(name.substr(10));
        if (!meant.empty())
            load.problems.warn({&load.source("environment " + std::string{name}, {}), 0, 0},
                               "is ignored; did you mean " + std::string{environment_prefix} + meant +
                                   " (two underscores)?");
    }
}

void add_environment(Load& load, const fs::path& base)
{
    warn_of_near_variables(load);
    std::vector<std::string> entries;
    for (char** entry = environ; entry && *entry; ++entry)
        if (std::string_view{*entry}.starts_with(environment_prefix)) entries.emplace_back(*entry);
    std::sort(entries.begin(), entries.end());
    for (const std::string& entry : entries) {
        const auto equals = entry.find('=');
        if (equals == std::string::npos) continue;
        const std::string name = entry.substr(0, equals);
        const std::string keys = base::to_lower(name.substr(environment_prefix.size()));
        set_outside(load, load.source("environment " + name, base), base::split(keys, "__"),
                    entry.substr(equals + 1), true);
    }
}

void add_overrides(Load& load, const LoadRequest& request)
{
    std::error_code error;
    const fs::path here = fs::current_path(error);
    for (const auto& [key, text] : request.overrides)
        set_outside(load, load.source("-o " + key, here), base::split(key, "."), text, false);
}

void add_defaults(Config& config)
{
    config.agent_id = default_agent_id();
    config.state_dir = default_state_dir();
    config.plugin_path = default_plugin_path();
}

// Values from everywhere, laid over each other.
void gather(Load& load, const LoadRequest& request)
{
    load.root.kind = Value::Kind::map;
    add_files(load, request);
    std::error_code error;
    const fs::path file = request.file.empty() ? default_config_file() : request.file;
    if (request.environment) add_environment(load, fs::absolute(file, error).parent_path());
    add_overrides(load, request);
}

} // namespace

LoadResult load_config(const LoadRequest& request)
{
    Load load;
    gather(load, request);
    auto config = std::make_shared<Config>();
    add_defaults(*config);
    Reading reading{load.problems, *config, &request};
    read_section(reading, root_section(), load.root, "", config.get());
    check_actions(reading, load.root);
    check_limits(reading, load.root, "", config->limits);
    if (config->control_socket.empty()) config->control_socket = default_control_socket(config->state_dir);
    config->files = load.files;

    LoadResult result;
    for (std::string& text : load.problems.problems()) result.problems.push_back({std::move(text)});
    result.warnings = load.problems.warnings();
    if (result.problems.empty()) result.config = std::move(config);
    return result;
}

std::filesystem::path find_control_socket(const LoadRequest& request)
{
    Load load;
    gather(load, request);
    const auto text = [&](const char* section, const char* key) -> fs::path {
        const Member* s = load.root.find(section);
        const Member* k = s ? s->value.find(key) : nullptr;
        if (!k || k->value.kind != Value::Kind::scalar || k->value.text.empty() || !k->value.where.source)
            return {};
        return (k->value.where.source->base / k->value.text).lexically_normal();
    };
    const fs::path socket = text("control", "socket"), state = text("agent", "state_dir");
    if (!socket.empty()) return socket;
    return default_control_socket(state.empty() ? default_state_dir() : state);
}

} // namespace agenthost::host
