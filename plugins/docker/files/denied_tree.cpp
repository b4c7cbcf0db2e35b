#include "denied_tree.hpp"

#include "error.hpp"
#include "part.hpp"
#include "tree_walk.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace agenthost::docker::files {

namespace {

// A link at `later` that would take the place of a folder with denied files.
void check_link(const Root& root, const std::string& later, const Path& whole)
{
    if (root.denylist().is_above_denied(later))
        fail_at("DENIED", whole,
                "would make " + escape_name(later) +
                    " a link, and the egg's file_denylist forbids files in it. Use another name.");
}

void check_entry(const Root& root, const std::string& now, const std::string& later, const Path& whole)
{
    for (const std::string& name : {now, later})
        if (root.denylist().covers(name))
            fail_at("DENIED", whole,
                    "contains " + escape_name(name) + ", which the egg's file_denylist forbids. " +
                        "Name the other files in it.");
}

} // namespace

void check_denied_in(const Root& root, int folder, const std::string& name, const Path& now,
                     const Path& later, Control& control)
{
    if (root.denylist().empty()) return;
    base::Fd top{open_folder(folder, name.c_str())};
    if (!top) {
        if (errno == ENOTDIR || errno == ELOOP) {
            struct stat info {};
            if (now != later && ::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISLNK(info.st_mode))
                check_link(root, later.bytes(), now);
            return;
        }
        if (errno == ENOENT) return;
        fail_errno(errno, now, "cannot be searched for files of the file_denylist");
    }
    std::string trail; // of the folder that is being read: "" or "/a/b"
    TreeWalk walk{std::move(top)};
    while (const auto* at = walk.next()) {
        if (walk.lost() > 0) break; // `trail` may now be wrong
        control.check();
        if (at->step == TreeWalk::Step::leave) {
            trail.resize(trail.size() - at->name.size() - 1);
            continue;
        }
        const std::string below = trail + "/" + at->name;
        if (is_own_part(at->name)) {
            walk.skip();
            continue;
        }
        check_entry(root, now.bytes() + below, later.bytes() + below, now);
        const bool link = at->step == TreeWalk::Step::file && S_ISLNK(at->info.st_mode);
        if (link && now != later) check_link(root, later.bytes() + below, now);
        if (at->step == TreeWalk::Step::unreadable)
            fail_errno(at->error, now, "has a folder that cannot be searched for files of the file_denylist");
        if (at->step == TreeWalk::Step::enter) trail = below;
    }
    if (walk.lost() > 0)
        fail_at("BUSY", now,
                "the server moved its folders while they were searched for files of the file_denylist. Stop "
                "the server, then try again.");
}

} // namespace agenthost::docker::files
