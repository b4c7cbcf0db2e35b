#include "root.hpp"

#include "error.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace agenthost::docker::files {

namespace {

base::Fd open_root(const std::string& folder)
{
    base::Fd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!fd) {
        const int error = errno;
        const bool missing = error == ENOENT;
        fail(missing ? "FILE_NOT_FOUND" : "INTERNAL",
             folder + ": the server's folder cannot be opened: " + std::strerror(error) +
                 (missing ? ". Create the server again, or restore its folder."
                          : ". Give the folder to the agent's user."));
    }
    if (!openat2_works(fd.get()))
        fail("INTERNAL", folder + ": the system call openat2 is missing (" + std::strerror(errno) +
                             "). File actions need Linux 5.6 or later, and no seccomp filter that hides it.");
    return fd;
}

constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;

base::Fd open_folder_below(int root, const Path& path, Links links)
{
    base::Fd fd{open_beneath(root, path.c_str(), folder_flags, links)};
    if (fd) return fd;
    int error = errno;
    if (error == ENOTDIR) { // a link or a file: say which
        struct stat info {};
        const base::Fd found{open_beneath(root, path.c_str(), O_PATH | O_NOFOLLOW, links)};
        if (found && ::fstat(found.get(), &info) == 0 && S_ISLNK(info.st_mode)) error = ELOOP;
    }
    fail_errno(error, path, "cannot be opened as a folder");
}

} // namespace

Root::Root(const std::string& folder, std::optional<Owner> owner, DiskLimit::Options limit)
    : fd_{std::make_shared<const base::Fd>(open_root(folder))}, owner_{owner},
      limit_{std::make_shared<DiskLimit>(fd_->get(), limit)}
{}

Root::Root(const Root& other, Denylist denylist)
    : fd_{other.fd_}, owner_{other.owner_}, limit_{other.limit_}, denylist_{std::move(denylist)}
{}

void Root::check_denied(const Path& path) const
{
    if (denylist_.covers(path.bytes())) fail_at("DENIED", path, "the egg's file_denylist forbids it.");
}

Path Root::real_path(int opened, const Path& path) const
{
    if (denylist_.empty()) return path;
    const std::string top = name_of_descriptor(fd()), found = name_of_descriptor(opened);
    if (!top.empty() && found == top) return {};
    if (top.empty() || !found.starts_with(top + "/"))
        fail_at("DENIED", path, "its place in the server's folder cannot be found. Try again.");
    return Path::from_bytes(std::string_view{found}.substr(top.size() + 1));
}

// Links on the way must not lead to what is denied.
base::Fd Root::open_for_read(base::Fd opened, const Path& path) const
{
    check_denied(real_path(opened.get(), path));
    return opened;
}

base::Fd Root::open_folder(const Path& path) const
{
    check_denied(path);
    return open_for_read(open_folder_below(fd(), path, Links::inside), path);
}

base::Fd Root::open_folder_for_change(const Path& path) const
{
    check_denied(path);
    return open_folder_below(fd(), path, Links::refused);
}

base::Fd Root::open_file(const Path& path) const
{
    check_denied(path);
    return open_for_read(open_regular(fd(), path, O_RDONLY, Links::inside), path);
}

void Root::give(int fd, const Path& path) const
{
    if (!owner_) return;
    if (::fchown(fd, owner_->uid, owner_->gid) != 0)
        fail_errno(errno, path, "cannot be given to the server's user");
}

void Root::give_link(int folder, const std::string& name, const Path& path) const
{
    if (!owner_) return;
    const base::Fd link{::openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    struct stat info {};
    // Only the link we made: the game may have put another name of a file of ours there.
    if (!link || ::fstat(link.get(), &info) != 0 || !S_ISLNK(info.st_mode) || info.st_nlink != 1) return;
    if (::fchownat(link.get(), "", owner_->uid, owner_->gid, AT_EMPTY_PATH) != 0)
        fail_errno(errno, path, "cannot be given to the server's user");
}

} // namespace agenthost::docker::files
