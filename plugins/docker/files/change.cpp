#include "change.hpp"

#include "denied_tree.hpp"
#include "error.hpp"
#include "write.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace agenthost::docker::files {

namespace {

// Creates one folder in `parent` and opens it. An existing one is opened if `may_exist`.
base::Fd make_one(const Root& root, int parent, const Path& path, bool may_exist, mode_t mode)
{
    const std::string name = path.name();
    const bool created = ::mkdirat(parent, name.c_str(), 0700) == 0;
    if (!created && (errno != EEXIST || !may_exist)) fail_errno(errno, path, "cannot be created");
    base::Fd fd{open_folder(parent, name.c_str())};
    if (!fd) {
        const bool other = errno == ENOTDIR || errno == ELOOP;
        if (other)
            fail_at("INVALID_REQUEST", path,
                    "exists and is not a folder. Delete it, or choose another name.");
        fail_errno(errno, path, "cannot be created");
    }
    if (!created) return fd;
    root.give(fd.get(), path);
    if (::fchmod(fd.get(), mode) != 0) fail_errno(errno, path, "cannot get its mode");
    return fd;
}

} // namespace

void make_folder(const Root& root, const Path& path, FolderOptions options)
{
    checked_mode(options.mode, path);
    if (path.is_root()) return; // it exists
    root.check_denied(path);
    if (!options.parents) {
        const base::Fd parent = root.open_folder_for_change(path.parent());
        make_one(root, parent.get(), path, false, options.mode);
        return;
    }
    base::Fd at = root.open_folder_for_change(Path{});
    Path made;
    for (std::string_view rest = path.bytes(); !rest.empty();) {
        const auto slash = std::min(rest.find('/'), rest.size());
        made = made.child(rest.substr(0, slash));
        rest.remove_prefix(std::min(slash + 1, rest.size()));
        at = make_one(root, at.get(), made, true, options.mode);
    }
}

void rename_path(const Root& root, const Path& from, const Path& to, RenameOptions options, Control& control)
{
    if (from.is_root() || to.is_root())
        fail_at("INVALID_REQUEST", Path{},
                "the server's folder itself cannot be renamed. Name a file in it.");
    if (from == to) return;
    if (from.contains(to))
        fail_at("INVALID_REQUEST", to,
                "is inside " + from.shown() + ". A folder cannot be moved into itself.");
    root.check_denied(from);
    root.check_denied(to);
    const base::Fd source = root.open_folder_for_change(from.parent());
    check_denied_in(root, source.get(), from.name(), from, to, control);
    if (options.make_parents) make_folder(root, to.parent(), {.parents = true});
    const base::Fd target = root.open_folder_for_change(to.parent());
    struct stat info {};
    if (::fstatat(source.get(), from.name().c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
        fail_errno(errno, from, "cannot be renamed");
    const int error =
        rename_entry(source.get(), from.name().c_str(), target.get(), to.name().c_str(), options.replace);
    if (error == EINVAL)
        fail_at("INVALID_REQUEST", to,
                "is inside " + from.shown() + ". A folder cannot be moved into itself.");
    if (error != 0) fail_errno(error, error == ENOENT ? from : to, "cannot take the new name");
    if (::fsync(target.get()) != 0 || ::fsync(source.get()) != 0)
        fail_errno(errno, to, "may have its old name after a power cut");
}

void rename_path(const Root& root, const Path& from, const Path& to, RenameOptions options)
{
    Control unwatched;
    rename_path(root, from, to, options, unwatched);
}

void change_mode(const Root& root, const Path& path, mode_t mode)
{
    checked_mode(mode, path);
    root.check_denied(path);
    const base::Fd fd{open_beneath(root.fd(), path.c_str(), O_PATH | O_NOFOLLOW, Links::refused)};
    if (!fd) fail_errno(errno, path, "cannot get its mode");
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) fail_errno(errno, path, "cannot get its mode");
    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
        fail_at("DENIED", path, "is neither a regular file nor a folder. Only these have a mode to change.");
    if (const int error = chmod_descriptor(fd.get(), mode); error != 0)
        fail_errno(error, path, "cannot get its mode");
}

} // namespace agenthost::docker::files
