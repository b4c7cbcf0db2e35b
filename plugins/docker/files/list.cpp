#include "list.hpp"

#include "error.hpp"
#include "part.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <memory>

namespace agenthost::docker::files {

namespace {

struct CloseDirectory {
    void operator()(DIR* dir) const { ::closedir(dir); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

// The `wanted` smallest names after a cursor, as a heap whose top is the largest.
class SmallestNames {
public:
    SmallestNames(std::string after, std::size_t wanted) : after_{std::move(after)}, wanted_{wanted} {}

    void add(const char* name)
    {
        if (!after_.empty() && after_.compare(name) >= 0) return;
        if (names_.size() == wanted_) {
            if (names_.front().compare(name) <= 0) return;
            std::pop_heap(names_.begin(), names_.end());
            names_.back() = name;
        } else {
            names_.emplace_back(name);
        }
        std::push_heap(names_.begin(), names_.end());
    }
    std::vector<std::string> sorted()
    {
        std::sort_heap(names_.begin(), names_.end());
        return std::move(names_);
    }

private:
    std::string after_;
    std::size_t wanted_;
    std::vector<std::string> names_;
};

Type type_of(mode_t mode)
{
    if (S_ISREG(mode)) return Type::file;
    if (S_ISDIR(mode)) return Type::folder;
    return S_ISLNK(mode) ? Type::link : Type::other;
}

Entry entry_of(std::string name, const struct stat& info)
{
    Entry entry;
    entry.name = std::move(name);
    entry.type = type_of(info.st_mode);
    entry.size = entry.type == Type::file ? static_cast<std::uint64_t>(info.st_size) : 0;
    entry.modified_ms =
        static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1000 + info.st_mtim.tv_nsec / 1'000'000;
    entry.mode = info.st_mode & 07777;
    return entry;
}

std::string link_target(int folder, const char* name)
{
    char target[PATH_MAX];
    const ssize_t n = ::readlinkat(folder, name, target, sizeof target);
    return n > 0 ? std::string{target, static_cast<std::size_t>(n)} : std::string{};
}

} // namespace

Listing list_folder(const Root& root, const Path& path, const ListOptions& options, Control& control)
{
    if (options.limit == 0 || options.limit > max_list_entries)
        fail_at("INVALID_REQUEST", path, "a page has 1 to 5000 entries. Use the cursor for more.");
    if (options.offset > max_list_offset)
        fail_at("INVALID_REQUEST", path,
                "the offset is larger than 100000. Use the cursor of the previous page instead.");
    base::Fd fd = root.open_folder(path);
    const Path real = root.real_path(fd.get(), path);
    const int folder = fd.get();
    const Directory directory{::fdopendir(folder)};
    if (!directory) fail_errno(errno, path, "cannot be listed");
    static_cast<void>(fd.release()); // the directory owns it

    const auto offset = static_cast<std::size_t>(options.offset);
    SmallestNames smallest{unescape_name(options.after), offset + options.limit + 1};
    Listing listing;
    errno = 0;
    while (const dirent* at = ::readdir(directory.get())) {
        const std::string_view name = at->d_name;
        if (name == "." || name == ".." || is_own_part(name)) continue;
        if (++listing.total % 1024 == 0) control.check();
        smallest.add(at->d_name);
        errno = 0;
    }
    if (errno != 0) fail_errno(errno, path, "cannot be listed");

    const std::vector<std::string> names = smallest.sorted();
    std::size_t bytes = 0;
    for (std::size_t i = offset; i < names.size(); ++i) {
        if (i - offset == options.limit || bytes > max_list_bytes) {
            listing.next = escape_name(names[i - 1]);
            break;
        }
        struct stat info {};
        if (::fstatat(folder, names[i].c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue; // gone meanwhile
        Entry entry = entry_of(names[i], info);
        entry.denied = root.denylist().covers(real.bytes() + "/" + names[i]);
        if (entry.type == Type::link) entry.target = link_target(folder, names[i].c_str());
        bytes += entry.name.size() + entry.target.size();
        listing.entries.push_back(std::move(entry));
    }
    return listing;
}

Entry describe(const Root& root, const Path& path)
{
    const base::Fd fd{open_beneath(root.fd(), path.c_str(), O_PATH | O_NOFOLLOW, Links::inside)};
    if (!fd) fail_errno(errno, path, "cannot be described");
    root.check_denied(root.real_path(fd.get(), path));
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) fail_errno(errno, path, "cannot be described");
    Entry entry = entry_of(path.name(), info);
    if (entry.type == Type::link) entry.target = link_target(fd.get(), "");
    return entry;
}

} // namespace agenthost::docker::files
