#include "merge.hpp"

#include "descriptors.hpp"
#include "error.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

namespace agenthost::docker::files {

namespace {

struct CloseDirectory {
    void operator()(DIR* dir) const { ::closedir(dir); }
};

// All names first: renaming while reading may skip some. As many as the archive had in this folder.
std::vector<std::string> names_of(int folder, const Path& path)
{
    const std::unique_ptr<DIR, CloseDirectory> directory{::fdopendir(open_folder(folder, "."))};
    if (!directory) fail_errno(errno, path, "cannot be unpacked");
    std::vector<std::string> names;
    while (const dirent* at = ::readdir(directory.get())) {
        const std::string_view name = at->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    return names;
}

enum class Meeting { free, folders, replaceable, conflict };

Meeting meet(int from, int to, const std::string& name, bool replace)
{
    struct stat ours {
    }, theirs{};
    if (::fstatat(to, name.c_str(), &theirs, AT_SYMLINK_NOFOLLOW) != 0) return Meeting::free;
    if (::fstatat(from, name.c_str(), &ours, AT_SYMLINK_NOFOLLOW) != 0) return Meeting::free;
    if (S_ISDIR(ours.st_mode) && S_ISDIR(theirs.st_mode)) return Meeting::folders;
    if (S_ISDIR(ours.st_mode) || S_ISDIR(theirs.st_mode) || !replace) return Meeting::conflict;
    return Meeting::replaceable;
}

} // namespace

Path merge_conflict(int from, int to, const Path& path, bool replace, Control& control)
{
    for (const std::string& name : names_of(from, path)) {
        control.check();
        const Meeting meeting = meet(from, to, name, replace);
        if (meeting == Meeting::conflict) return path.child(name);
        if (meeting != Meeting::folders) continue;
        const base::Fd inner_from{open_folder(from, name.c_str())}, inner_to{open_folder(to, name.c_str())};
        if (!inner_from || !inner_to) return path.child(name);
        const Path inner = path.child(name);
        Path found = merge_conflict(inner_from.get(), inner_to.get(), inner, replace, control);
        if (!found.is_root()) return found;
    }
    return {};
}

void merge_folders(int from, int to, const Path& path, bool replace, Control& control, std::uint64_t& moved)
{
    for (const std::string& name : names_of(from, path)) {
        control.check();
        const Path at = path.child(name);
        int error = rename_entry(from, name.c_str(), to, name.c_str(), false);
        if (error == EEXIST) {
            const Meeting meeting = meet(from, to, name, replace);
            if (meeting == Meeting::folders) {
                const base::Fd inner_from{open_folder(from, name.c_str())},
                    inner_to{open_folder(to, name.c_str())};
                if (!inner_from || !inner_to) fail_errno(errno, at, "cannot be unpacked");
                merge_folders(inner_from.get(), inner_to.get(), at, replace, control, moved);
                continue;
            }
            if (meeting == Meeting::replaceable || meeting == Meeting::free)
                error = rename_entry(from, name.c_str(), to, name.c_str(), replace);
        }
        if (error != 0) fail_errno(error, at, "cannot be unpacked");
        ++moved;
    }
}

} // namespace agenthost::docker::files
