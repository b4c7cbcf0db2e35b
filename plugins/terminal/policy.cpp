#include "policy.hpp"

#include <agenthost/error.hpp>

#include <fnmatch.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>

namespace agenthost::terminal {

namespace {

namespace fs = std::filesystem;

// Variables that callers may set if not everything is allowed: none that makes a program load or run
// something else.
const std::vector<std::string> harmless{"LANG", "LC_*", "TERM", "TZ", "NO_COLOR"};

constexpr const char* standard_shell = "/bin/sh"; // for shell strings, whatever the user's own shell is

bool matches(const std::string& pattern, const std::string& text, int flags = 0)
{
    return ::fnmatch(pattern.c_str(), text.c_str(), flags) == 0;
}

std::vector<std::string> split(std::string_view text)
{
    std::vector<std::string> words;
    while (!text.empty()) {
        const auto from = text.find_first_not_of(" \t");
        if (from == text.npos) break;
        text.remove_prefix(from);
        const auto end = std::min(text.find_first_of(" \t"), text.size());
        words.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
    return words;
}

bool is_program(const std::string& path)
{
    struct stat st {};
    return ::stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

std::string absolute(const std::string& path, const std::string& cwd)
{
    const fs::path given{path};
    return (given.is_absolute() ? given : fs::path{cwd} / given).lexically_normal().string();
}

std::string find_program(const Config& config, const std::string& name, const std::string& cwd)
{
    if (name.find('/') != name.npos) {
        std::string path = absolute(name, cwd);
        if (is_program(path)) return path;
        throw Error{"FILE_NOT_FOUND", path + " is not there or not executable", AGH_E_NOT_FOUND};
    }
    std::string_view rest = config.path;
    while (!rest.empty()) {
        const auto end = std::min(rest.find(':'), rest.size());
        const std::string_view folder = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (folder.empty() || folder[0] != '/') continue;
        std::string path = absolute(name, std::string{folder});
        if (is_program(path)) return path;
    }
    throw Error{"FILE_NOT_FOUND",
                "no program " + name + " in " + config.path + ". Install it, or give its path",
                AGH_E_NOT_FOUND};
}

std::string real(const std::string& path)
{
    const std::unique_ptr<char, void (*)(void*)> found{::realpath(path.c_str(), nullptr), ::free};
    return found ? found.get() : path;
}

// Sets `out.program` to the path that a pattern allows. The name as given is tried first: a link may be
// allowed under its own name.
void check_allowed(const Config& config, Admitted& out)
{
    if (config.allows_everything()) return;
    const auto arguments = std::span<const std::string>{out.argv}.subspan(1);
    const auto allowed = [&](const std::string& path) {
        return std::any_of(config.allow.begin(), config.allow.end(),
                           [&](const std::string& pattern) { return admits(pattern, path, arguments); });
    };
    if (allowed(out.program)) return;
    if (const std::string target = real(out.program); target != out.program && allowed(target)) {
        out.program = out.argv[0] = target;
        out.resolved = true;
        return;
    }
    throw Error{"DENIED",
                out.program + (arguments.empty() ? "" : " with these arguments") +
                    " is not allowed here. On the agent's machine, add it to plugins.terminal.config.allow",
                AGH_E_DENIED};
}

bool settable(const Config& config, const std::string& name)
{
    if (!config.env && config.allows_everything()) return true;
    const auto& names = config.env ? *config.env : harmless;
    return std::any_of(names.begin(), names.end(), [&](const std::string& p) { return matches(p, name); });
}

std::vector<std::string> environment(const Config& config, const User& user, const RunParams& run)
{
    std::map<std::string, std::string> env{{"PATH", config.path},
                                           {"HOME", user.home},
                                           {"USER", user.name},
                                           {"LOGNAME", user.name},
                                           {"SHELL", login_shell(config, user)},
                                           {"LANG", "C.UTF-8"}};
    if (run.pty) env["TERM"] = "xterm-256color";
    for (const auto& [name, value] : config.environment) env[name] = value;
    for (const auto& [name, value] : run.env) {
        if (!settable(config, name))
            throw Error{"DENIED",
                        "the variable " + name +
                            " may not be set here. On the agent's machine, add it to "
                            "plugins.terminal.config.env",
                        AGH_E_DENIED};
        env[name] = value;
    }
    std::vector<std::string> list;
    list.reserve(env.size());
    for (const auto& [name, value] : env) list.push_back(name + "=" + value);
    return list;
}

} // namespace

bool admits(std::string_view pattern, std::string_view path, std::span<const std::string> arguments)
{
    std::vector<std::string> words = split(pattern);
    if (words.empty() || !matches(words[0], std::string{path}, FNM_PATHNAME)) return false;
    words.erase(words.begin());
    if (words.empty()) return true;
    if (words.size() == 1 && words[0] == "\"\"") return arguments.empty();
    const bool more = words.back() == "...";
    if (more) words.pop_back();
    if (arguments.size() < words.size() || (!more && arguments.size() > words.size())) return false;
    for (std::size_t i = 0; i < words.size(); ++i)
        if (!matches(words[i], arguments[i])) return false;
    return true;
}

std::vector<std::string> plain_words(std::string_view command)
{
    const auto plain = [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80 ||
               std::string_view{" \t_-./:,@%+"}.find(static_cast<char>(c)) != std::string_view::npos;
    };
    if (!std::all_of(command.begin(), command.end(), plain)) return {};
    return split(command);
}

std::string login_shell(const Config& config, const User& user)
{
    if (!config.shell.empty()) return config.shell;
    const std::string name = fs::path{user.shell}.filename().string();
    const bool lets_in = name != "nologin" && name != "false" && user.shell.starts_with('/');
    return lets_in && is_program(user.shell) ? user.shell : standard_shell;
}

Admitted admit(const Config& config, const User& user, const RunParams& run)
{
    Admitted out;
    out.argv = run.argv;
    if (out.argv.empty()) {
        if (config.allows_everything())
            out.argv = {config.shell.empty() ? standard_shell : config.shell, "-c", run.command};
        else if ((out.argv = plain_words(run.command)).empty())
            throw Error{"DENIED",
                        "only certain programs are allowed here, and what a shell would make of this string "
                        "cannot be "
                        "checked. Send plain words or argv, such as [\"uname\", \"-a\"]",
                        AGH_E_DENIED};
    }
    out.cwd = run.cwd;
    if (out.cwd.empty()) {
        std::error_code error;
        out.cwd = fs::is_directory(user.home, error) ? user.home : "/";
    }
    out.program = find_program(config, out.argv[0], out.cwd);
    check_allowed(config, out);
    out.env = environment(config, user, run);
    return out;
}

} // namespace agenthost::terminal
