#include "user.hpp"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace agenthost::terminal {

namespace {

constexpr const char* unprivileged = "agenthost-run";

bool look_up(const std::string& name, uid_t uid, User& out)
{
    std::string buffer(16 << 10, '\0');
    passwd entry{};
    passwd* found = nullptr;
    int error = 0;
    while ((error = name.empty() ? ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found)
                                 : ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(),
                                                &found)) == ERANGE &&
           buffer.size() < (1 << 20))
        buffer.resize(buffer.size() * 2);
    if (error != 0 || found == nullptr) return false;
    out.name = entry.pw_name;
    out.home = entry.pw_dir;
    out.shell = entry.pw_shell;
    out.uid = entry.pw_uid;
    out.gid = entry.pw_gid;
    int count = 64;
    out.groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(entry.pw_name, entry.pw_gid, out.groups.data(), &count) < 0) {
        out.groups.resize(static_cast<std::size_t>(count));
        ::getgrouplist(entry.pw_name, entry.pw_gid, out.groups.data(), &count);
    }
    out.groups.resize(static_cast<std::size_t>(count));
    return true;
}

} // namespace

User own_user()
{
    User user;
    if (!look_up({}, ::geteuid(), user)) {
        user.name = std::to_string(::geteuid());
        user.home = "/";
        user.shell = "/bin/sh";
        user.uid = ::geteuid();
        user.gid = ::getegid();
    }
    return user;
}

User find_user(const std::string& name)
{
    User user;
    if (!look_up(name, 0, user))
        throw std::runtime_error{"there is no user " + name + " on this machine. Make it (useradd --system " +
                                 name + ") or name another"};
    if (::geteuid() == 0)
        user.change = user.uid != 0;
    else if (user.uid != ::geteuid())
        throw std::runtime_error{"agenthost runs as " + own_user().name +
                                 " and only root can run commands as " + name +
                                 ". Remove run_as, or run agenthost as root"};
    return user;
}

User default_user(const std::string& run_as)
{
    if (!run_as.empty()) return find_user(run_as);
    if (::geteuid() != 0) return own_user();
    try {
        return find_user(unprivileged);
    } catch (const std::exception&) {
        throw std::runtime_error{
            std::string{"agenthost runs as root, so commands run as "} + unprivileged +
            ", and there is no such user. Make it (useradd --system --shell /usr/sbin/nologin " +
            unprivileged + ") or name another, root if you mean it"};
    }
}

} // namespace agenthost::terminal
