#include "defaults.hpp"

#include <unistd.h>

#include <cstdlib>

#ifndef AGENTHOST_LIBDIR
#define AGENTHOST_LIBDIR "/usr/lib"
#endif

namespace agenthost::host {

namespace fs = std::filesystem;

namespace {

std::string environment(const char* name)
{
    const char* value = std::getenv(name);
    return value ? value : "";
}

// systemd may pass several paths separated by ":"; ours is the first.
std::string first_of(const char* name)
{
    const std::string value = environment(name);
    return value.substr(0, value.find(':'));
}

} // namespace

fs::path default_config_file()
{
    const std::string given = environment("AGENTHOST_CONFIG");
    return given.empty() ? fs::path{"/etc/agenthost/agenthost.yaml"} : fs::path{given};
}

fs::path default_state_dir()
{
    if (const std::string given = first_of("STATE_DIRECTORY"); !given.empty()) return given;
    if (::geteuid() == 0) return "/var/lib/agenthost";
    if (const std::string xdg = environment("XDG_STATE_HOME"); xdg.starts_with('/'))
        return fs::path{xdg} / "agenthost";
    if (const std::string home = environment("HOME"); home.starts_with('/'))
        return fs::path{home} / ".local/state/agenthost";
    return "/var/lib/agenthost";
}

fs::path default_control_socket(const fs::path& state_dir)
{
    if (const std::string given = first_of("RUNTIME_DIRECTORY"); !given.empty())
        return fs::path{given} / "control.sock";
    if (::geteuid() == 0) return "/run/agenthost/control.sock";
    if (const std::string xdg = environment("XDG_RUNTIME_DIR"); xdg.starts_with('/'))
        return fs::path{xdg} / "agenthost/control.sock";
    return state_dir / "control.sock";
}

namespace {

// lib/agenthost of the build tree that contains this program, else of the installation.
fs::path library_folder()
{
    std::error_code ignored;
    const fs::path self = fs::read_symlink("/proc/self/exe", ignored);
    const fs::path beside = self.parent_path().parent_path() / "lib/agenthost";
    if (!self.empty() && fs::is_directory(beside / "plugins-1", ignored)) return beside;
    return fs::path{AGENTHOST_LIBDIR} / "agenthost";
}

} // namespace

std::vector<fs::path> default_plugin_path() { return {library_folder() / "plugins-1"}; }
fs::path default_runner() { return library_folder() / "agenthost-runner"; }

std::string default_agent_id()
{
    char name[256] = {};
    if (::gethostname(name, sizeof name - 1) != 0 || !*name) return "agent";
    return name;
}

} // namespace agenthost::host
