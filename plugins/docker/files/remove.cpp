#include "remove.hpp"

#include "denied_tree.hpp"
#include "error.hpp"
#include "part.hpp"
#include "tree_walk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace agenthost::docker::files {

namespace {

// The game may create files while we delete: each pass deletes what it finds, and the folder is deleted once
// a pass leaves it empty.
constexpr int max_passes = 8;
// An agent without root's rights cannot enter what the game made unreadable, but it may own it.
constexpr mode_t owner_all = S_IRWXU;

std::uint64_t disk_bytes(const struct stat& info)
{
    return info.st_nlink == 1 ? static_cast<std::uint64_t>(info.st_blocks) * 512 : 0;
}

// Gives the owner access to a folder. False: it is not ours, or not a folder.
bool make_accessible(int parent, const char* name)
{
    const base::Fd fd{::openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    struct stat info {};
    if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISDIR(info.st_mode)) return false;
    if ((info.st_mode & owner_all) == owner_all) return false; // nothing to gain
    return chmod_descriptor(fd.get(), (info.st_mode & 0777) | owner_all) == 0;
}

// One deletion of a tree's contents.
class Sweep {
public:
    Sweep(Removed& removed, Control& control) : removed_{removed}, control_{control} {}

    // 0, or the errno of the first entry that could not be deleted. `where`: that entry.
    int contents(base::Fd folder, std::string& where)
    {
        int first = 0;
        const auto failed = [&](int error, const TreeWalk& walk, const std::string& name) {
            if (first != 0 || error == 0 || error == ENOENT) return;
            first = error;
            where = walk.folder_path();
            if (!where.empty()) where += '/';
            where += name;
        };
        TreeWalk walk{std::move(folder)};
        while (const auto* at = walk.next()) {
            switch (at->step) {
            case TreeWalk::Step::enter: make_writable(*at); break;
            case TreeWalk::Step::file:
                failed(unlink(at->folder, at->name, 0, disk_bytes(at->info)), walk, at->name);
                break;
            case TreeWalk::Step::leave:
                failed(unlink(at->folder, at->name, AT_REMOVEDIR, 0), walk, at->name);
                break;
            case TreeWalk::Step::unreadable:
                if (at->error == EACCES && make_accessible(at->folder, at->name.c_str())) {
                    walk.retry();
                } else {
                    failed(at->error, walk, at->name);
                }
                break;
            }
        }
        return first;
    }

    int unlink(int folder, const std::string& name, int flags, std::uint64_t bytes)
    {
        control_.check();
        if (::unlinkat(folder, name.c_str(), flags) != 0) return errno;
        ++removed_.entries;
        removed_.bytes += bytes;
        control_.entry();
        return 0;
    }

private:
    // The owner's right to delete in it.
    static void make_writable(const TreeWalk::Entry& at)
    {
        if ((at.info.st_mode & owner_all) != owner_all)
            ::fchmod(at.folder, (at.info.st_mode & 0777) | owner_all);
    }

    Removed& removed_;
    Control& control_;
};

// Not ENOTEMPTY, which another pass may fix.
bool is_final(int error) { return error != 0 && error != ENOTEMPTY && error != EEXIST; }

Path below(const Path& path, const std::string& where)
{
    if (where.empty()) return path;
    try {
        return Path::from_bytes(path.is_root() ? where : path.bytes() + "/" + where);
    } catch (const Error&) { // deeper than a path may be
        return path;
    }
}

[[noreturn]] void fail_filled(const Path& path)
{
    fail_at("BUSY", path, "the server keeps creating files in it. Stop the server, then delete it again.");
}

void remove_tree(int parent, const Path& path, Removed& removed, Control& control)
{
    const std::string name = path.name();
    Sweep sweep{removed, control};
    for (int pass = 0; pass < max_passes; ++pass) {
        base::Fd folder{open_folder(parent, name.c_str())};
        if (!folder && errno == EACCES && make_accessible(parent, name.c_str()))
            folder.reset(open_folder(parent, name.c_str()));
        if (!folder) {
            if (errno == ENOENT && pass > 0) return; // the server deleted it too
            if (errno != ENOTDIR && errno != ELOOP) fail_errno(errno, path, "cannot be deleted");
            // It was replaced by something that is not a folder.
            if (const int error = sweep.unlink(parent, name, 0, 0); error == 0 || error == ENOENT) return;
            continue;
        }
        struct stat info {};
        if (::fstat(folder.get(), &info) == 0 && (info.st_mode & owner_all) != owner_all)
            ::fchmod(folder.get(), (info.st_mode & 0777) | owner_all);
        std::string where;
        const int error = sweep.contents(std::move(folder), where);
        if (is_final(error)) fail_errno(error, below(path, where), "cannot be deleted");
        const int last = sweep.unlink(parent, name, AT_REMOVEDIR, 0);
        if (last == 0 || last == ENOENT) return;
        if (last != ENOTEMPTY && last != EEXIST && last != ENOTDIR)
            fail_errno(last, path, "cannot be deleted");
    }
    fail_filled(path);
}

// Updates the disk limit even if the deletion ends early.
class Freed {
public:
    Freed(DiskLimit& limit, const Removed& removed) : limit_{limit}, removed_{removed} {}
    Freed(const Freed&) = delete;
    Freed& operator=(const Freed&) = delete;
    ~Freed() { limit_.freed(removed_.bytes); }

private:
    DiskLimit& limit_;
    const Removed& removed_;
};

} // namespace

Removed remove_path(const Root& root, const Path& path, Control& control)
{
    if (path.is_root())
        fail_at("INVALID_REQUEST", path, "the server's folder itself cannot be deleted. Name a file in it.");
    root.check_denied(path);
    const base::Fd parent = root.open_folder_for_change(path.parent());
    const std::string name = path.name();
    check_denied_in(root, parent.get(), name, path, path, control);
    struct stat info {};
    if (::fstatat(parent.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
        fail_errno(errno, path, "cannot be deleted");
    Removed removed;
    const Freed freed{root.limit(), removed};
    if (!S_ISDIR(info.st_mode)) {
        Sweep sweep{removed, control};
        const int error = sweep.unlink(parent.get(), name, 0, disk_bytes(info));
        if (error == 0 || error == ENOENT) return removed;
        if (error != EISDIR) fail_errno(error, path, "cannot be deleted");
    }
    remove_tree(parent.get(), path, removed, control);
    return removed;
}

Removed remove_tree(int parent, const std::string& name, Control& control)
{
    Removed removed;
    const Path path = Path::from_bytes(name);
    struct stat info {};
    if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return removed;
        fail_errno(errno, path, "cannot be deleted");
    }
    remove_tree(parent, path, removed, control);
    return removed;
}

Removed remove_contents(const Root& root, Control& control)
{
    Removed removed;
    const Freed freed{root.limit(), removed};
    Sweep sweep{removed, control};
    for (int pass = 0; pass < max_passes; ++pass) {
        const std::uint64_t before = removed.entries;
        std::string where;
        const int error = sweep.contents(root.open_folder_for_change(Path{}), where);
        if (is_final(error)) fail_errno(error, below(Path{}, where), "cannot be deleted");
        if (error == 0 && removed.entries == before) return removed; // nothing was left to find
    }
    fail_filled(Path{});
}

Removed remove_leftovers(const Root& root, Control& control)
{
    Removed removed;
    const Freed freed{root.limit(), removed};
    TreeWalk walk{root.open_folder_for_change(Path{})};
    while (const auto* at = walk.next()) {
        control.check();
        if (at->step == TreeWalk::Step::file && is_foreign_part(at->name)) {
            Sweep{removed, control}.unlink(at->folder, at->name, 0, disk_bytes(at->info));
        } else if (at->step == TreeWalk::Step::enter && is_foreign_part(at->name)) {
            std::string where;
            base::Fd folder{::openat(at->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
            if (folder) Sweep{removed, control}.contents(std::move(folder), where);
            // The walk goes on in the empty folder and leaves it.
        } else if (at->step == TreeWalk::Step::leave && is_foreign_part(at->name)) {
            Sweep{removed, control}.unlink(at->folder, at->name, AT_REMOVEDIR, 0);
        }
    }
    return removed;
}

void discard(int folder, const std::string& name)
{
    Removed removed;
    Control unwatched;
    if (::unlinkat(folder, name.c_str(), 0) == 0) return;
    for (int pass = 0; pass < max_passes; ++pass) {
        base::Fd tree{open_folder(folder, name.c_str())};
        if (!tree) return;
        std::string where;
        Sweep{removed, unwatched}.contents(std::move(tree), where);
        if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) == 0) return;
    }
}

} // namespace agenthost::docker::files
