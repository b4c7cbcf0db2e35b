#include "copy.hpp"

#include "change.hpp"
#include "copy_content.hpp"
#include "denied_tree.hpp"
#include "error.hpp"
#include "part.hpp"
#include "remove.hpp"
#include "tree_walk.hpp"
#include "write.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <utility>
#include <vector>

namespace agenthost::docker::files {

namespace {

// A folder of the copy and what it gets when it is complete.
struct Level {
    base::Fd fd;
    struct stat source {};
};

class TreeCopy {
public:
    TreeCopy(const Root& root, const Path& from, const CopyOptions& options, Control& control)
        : root_{root}, from_{from}, options_{options}, control_{control}, claim_{root.limit()}
    {}

    // Copies the contents of `source` into `target`, an empty folder.
    void run(base::Fd source, base::Fd target)
    {
        struct stat info {};
        if (::fstat(target.get(), &info) != 0) fail_errno(errno, from_, "cannot be copied");
        own_inode_ = info.st_ino;
        own_device_ = info.st_dev;
        struct stat top {};
        if (::fstat(source.get(), &top) != 0) fail_errno(errno, from_, "cannot be copied");
        levels_.push_back({std::move(target), top});
        TreeWalk walk{std::move(source)};
        while (const auto* at = walk.next()) {
            if (walk.lost() > 0) fail_moving();
            step(walk, *at);
        }
        if (walk.lost() > 0) fail_moving();
        finish_level();
    }
    void settle() { claim_.settle(copied_.bytes); }
    [[nodiscard]] const Copied& copied() const { return copied_; }

    void file(int source_folder, const std::string& name, int target_folder, const std::string& target_name)
    {
        const base::Fd source{open_regular_name(source_folder, name.c_str(), O_RDONLY)};
        if (!source) {
            if (errno == EACCES || errno == EPERM) fail_errno(errno, from_.child(name), "cannot be copied");
            ++copied_.left_out; // gone, or no longer a regular file
            return;
        }
        struct stat info {};
        if (::fstat(source.get(), &info) != 0) fail_errno(errno, from_, "cannot be copied");
        const base::Fd target{open_beneath(target_folder, target_name.c_str(),
                                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, Links::refused, 0600)};
        if (!target) fail_errno(errno, from_, "cannot be copied");
        copied_.bytes += copy_content(source.get(), target.get(), from_,
                                      {claim_, copied_.bytes, options_.max_bytes - copied_.bytes}, control_);
        finish(target.get(), info);
    }

    void link(int source_folder, const std::string& name, int target_folder, const std::string& target_name)
    {
        char text[PATH_MAX];
        const ssize_t n = ::readlinkat(source_folder, name.c_str(), text, sizeof text - 1);
        if (n < 0) {
            ++copied_.left_out;
            return;
        }
        text[n] = '\0';
        if (::symlinkat(text, target_folder, target_name.c_str()) != 0)
            fail_errno(errno, from_, "cannot be copied");
        root_.give_link(target_folder, target_name, from_);
    }

private:
    void step(TreeWalk& walk, const TreeWalk::Entry& at)
    {
        switch (at.step) {
        case TreeWalk::Step::enter: enter(walk, at); break;
        case TreeWalk::Step::leave: finish_level(); break;
        case TreeWalk::Step::unreadable: fail_errno(at.error, from_, "has a folder that cannot be read");
        case TreeWalk::Step::file:
            count();
            if (is_own_part(at.name)) break;
            if (S_ISREG(at.info.st_mode)) {
                file(at.folder, at.name, levels_.back().fd.get(), at.name);
            } else if (S_ISLNK(at.info.st_mode)) {
                link(at.folder, at.name, levels_.back().fd.get(), at.name);
            } else {
                ++copied_.left_out;
            }
            break;
        }
    }

    void enter(TreeWalk& walk, const TreeWalk::Entry& at)
    {
        // The copy itself, when the target is inside the source by way of a link, and other unfinished work.
        if ((at.info.st_ino == own_inode_ && at.info.st_dev == own_device_) || is_own_part(at.name)) {
            walk.skip();
            return;
        }
        count();
        if (levels_.size() >= max_tree_depth)
            fail_at("TOO_LARGE", from_, "has more than 128 levels of folders. Copy a part of it.");
        const int parent = levels_.back().fd.get();
        if (::mkdirat(parent, at.name.c_str(), 0700) != 0) fail_errno(errno, from_, "cannot be copied");
        base::Fd fd{open_folder(parent, at.name.c_str())};
        if (!fd) fail_errno(errno, from_, "cannot be copied");
        levels_.push_back({std::move(fd), at.info});
    }

    void finish_level()
    {
        finish(levels_.back().fd.get(), levels_.back().source);
        levels_.pop_back();
    }

    void finish(int target, const struct stat& source)
    {
        root_.give(target, from_);
        const timespec times[2] = {{0, UTIME_OMIT}, source.st_mtim};
        ::futimens(target, times); // not vital
        if (::fchmod(target, source.st_mode & 0777) != 0) fail_errno(errno, from_, "cannot be copied");
    }

    void count()
    {
        if (++copied_.entries > options_.max_entries)
            fail_at("TOO_LARGE", from_,
                    "has more than " + std::to_string(options_.max_entries) +
                        " entries. Copy smaller parts.");
        control_.entry();
    }

    [[noreturn]] void fail_moving()
    {
        fail_at("BUSY", from_,
                "the server moved its folders while they were copied. Stop the server, then copy again.");
    }

    const Root& root_;
    const Path& from_;
    const CopyOptions& options_;
    Control& control_;
    DiskLimit::Claim claim_;
    std::vector<Level> levels_;
    ino_t own_inode_ = 0;
    dev_t own_device_ = 0;
    Copied copied_;
};

void check_paths(const Path& from, const Path& to)
{
    if (from.is_root() || to.is_root())
        fail_at("INVALID_REQUEST", Path{}, "the server's folder itself cannot be copied. Name files in it.");
    if (from.contains(to))
        fail_at("INVALID_REQUEST", to,
                "is the same as or inside " + from.shown() + ". Choose another target.");
}

// Removes the unfinished copy unless it was renamed into place.
class Unfinished {
public:
    Unfinished(int folder, std::string name) : folder_{folder}, name_{std::move(name)} {}
    Unfinished(const Unfinished&) = delete;
    Unfinished& operator=(const Unfinished&) = delete;
    ~Unfinished()
    {
        if (!name_.empty()) discard(folder_, name_);
    }
    void take_name(const Path& to, bool replace)
    {
        const int error = rename_entry(folder_, name_.c_str(), folder_, to.name().c_str(), replace);
        if (error != 0) fail_errno(error, to, "cannot be created");
        name_.clear();
        if (::fsync(folder_) != 0) fail_errno(errno, to, "may be lost in a power cut");
    }

private:
    int folder_;
    std::string name_;
};

} // namespace

Copied copy_path(const Root& root, const Path& from, const Path& to, const CopyOptions& options,
                 Control& control)
{
    check_paths(from, to);
    root.check_denied(from);
    root.check_denied(to);
    const base::Fd source{
        open_beneath(root.fd(), from.parent().c_str(), O_RDONLY | O_DIRECTORY, Links::inside)};
    struct stat info {};
    if (!source || ::fstatat(source.get(), from.name().c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
        fail_errno(errno, from, "cannot be copied");
    const Path real = root.real_path(source.get(), from.parent()).child(from.name());
    root.check_denied(real);
    check_denied_in(root, source.get(), from.name(), real, to, control);
    if (options.make_parents) make_folder(root, to.parent(), {.parents = true});
    const base::Fd folder = root.open_folder_for_change(to.parent());
    struct stat existing {};
    if (::fstatat(folder.get(), to.name().c_str(), &existing, AT_SYMLINK_NOFOLLOW) == 0 &&
        (!options.replace || !S_ISREG(existing.st_mode) || S_ISDIR(info.st_mode)))
        fail_errno(EEXIST, to, "cannot be created");

    TreeCopy copy{root, from, options, control};
    std::string part = new_part_name();
    if (S_ISDIR(info.st_mode)) {
        base::Fd tree{create_part_folder(folder.get(), part)};
        if (!tree) fail_errno(errno, to, "cannot be created");
        Unfinished unfinished{folder.get(), part};
        base::Fd from_tree{open_folder(source.get(), from.name().c_str())};
        if (!from_tree) fail_errno(errno, from, "cannot be copied");
        copy.run(std::move(from_tree), std::move(tree));
        unfinished.take_name(to, false);
    } else if (S_ISREG(info.st_mode) || S_ISLNK(info.st_mode)) {
        Unfinished unfinished{folder.get(), part};
        if (S_ISREG(info.st_mode)) {
            copy.file(source.get(), from.name(), folder.get(), part);
        } else {
            copy.link(source.get(), from.name(), folder.get(), part);
        }
        if (copy.copied().left_out > 0) fail_errno(ENOENT, from, "cannot be copied");
        unfinished.take_name(to, options.replace);
    } else {
        fail_at("DENIED", from, "is a FIFO, socket or device. Only files, folders and links can be copied.");
    }
    copy.settle();
    Copied copied = copy.copied();
    if (!S_ISDIR(info.st_mode)) copied.entries = 1;
    return copied;
}

} // namespace agenthost::docker::files
