#include "unpack_entries.hpp"

#include "error.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace agenthost::docker::files {

namespace {

constexpr std::size_t max_reports = 20;

int write_at(int file, const char* bytes, std::size_t size, std::int64_t offset)
{
    while (size > 0) {
        const ssize_t n = ::pwrite(file, bytes, size, offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        bytes += n;
        offset += n;
        size -= static_cast<std::size_t>(n);
    }
    return 0;
}

} // namespace

UnpackEntries::UnpackEntries(const Root& root, int folder, const Path& archive, const Path& target,
                             std::uint64_t archive_size, const UnpackOptions& options, Control& control)
    : root_{root}, top_{folder}, archive_path_{archive}, target_{target},
      archive_size_{archive_size}, options_{options}, control_{control}, claim_{root.limit()}
{}

void UnpackEntries::refuse(const std::string& entry, const std::string& why) const
{
    fail_at("INVALID_REQUEST", archive_path_,
            "the entry \"" + entry + "\" " + why + ". Nothing was unpacked; use an archive without it.");
}

Path UnpackEntries::name_of(archive_entry* entry) const
{
    const char* bytes = ::archive_entry_pathname(entry);
    if (bytes == nullptr) refuse("?", "has a name that cannot be read");
    try {
        return Path::from_bytes(bytes);
    } catch (const Error&) {
        const std::string_view name{bytes};
        const std::string shown = escape_name(name.substr(0, std::min<std::size_t>(name.size(), 200)));
        refuse(shown, "leads outside the folder or is too long");
    }
}

void UnpackEntries::take(archive* a, archive_entry* entry)
{
    if (++seen_entries_ > options_.max_entries)
        fail_at("TOO_LARGE", archive_path_,
                "has more than " + std::to_string(options_.max_entries) + " entries. Nothing was unpacked.");
    control_.entry();
    if (::archive_entry_is_encrypted(entry) != 0)
        fail_at("INVALID_REQUEST", archive_path_, "is encrypted. Pack it without a password.");
    const Path path = name_of(entry);
    const mode_t type = ::archive_entry_filetype(entry);
    if (path.is_root()) {
        if (type != AE_IFDIR) refuse("/", "has no name");
        return;
    }
    check_denied(path);
    if (const char* target = ::archive_entry_hardlink(entry)) {
        hard_link(a, path, target);
    } else if (type == AE_IFDIR) {
        folder(path, ::archive_entry_perm(entry) & 0777);
    } else if (type == AE_IFLNK) {
        const char* text = ::archive_entry_symlink(entry);
        link(path, text != nullptr ? text : "");
    } else if (type == AE_IFREG || type == 0) {
        file(a, entry, path);
    } else {
        leave_out(path, "is a device, FIFO or socket");
        data(a, -1);
    }
}

void UnpackEntries::check_denied(const Path& path) const
{
    if (root_.denylist().covers(target_.bytes() + "/" + path.bytes()))
        fail_at("DENIED", archive_path_,
                "the entry \"" + path.shown() +
                    "\" is forbidden by the egg's file_denylist. Nothing was unpacked; use an archive "
                    "without it.");
}

// The folder that will contain the last component of `path`; created as needed.
int UnpackEntries::parent_of(const Path& path)
{
    const Path parent = path.parent();
    if (parent.is_root()) return top_;
    if (last_folder_ && last_parent_ == parent) return last_folder_.get();
    base::Fd at{open_folder(top_, ".")};
    Path made;
    for (std::string_view rest = parent.bytes(); !rest.empty();) {
        const auto slash = std::min(rest.find('/'), rest.size());
        const std::string name{rest.substr(0, slash)};
        rest.remove_prefix(std::min(slash + 1, rest.size()));
        made = made.child(name);
        const bool created = ::mkdirat(at.get(), name.c_str(), 0755) == 0;
        if (!created && errno != EEXIST) fail_errno(errno, made, "cannot be unpacked");
        base::Fd next{open_folder(at.get(), name.c_str())};
        if (!next && (errno == ENOTDIR || errno == ELOOP))
            refuse(path.shown(),
                   "goes through " + made.shown() + ", which is a link or a file in the archive");
        if (!next) fail_errno(errno, made, "cannot be unpacked");
        if (created) {
            count(4096); // a folder takes a block
            root_.give(next.get(), made);
        }
        at = std::move(next);
    }
    last_parent_ = parent;
    last_folder_ = std::move(at);
    return last_folder_.get();
}

void UnpackEntries::folder(const Path& path, mode_t mode)
{
    const int parent = parent_of(path);
    const std::string name = path.name();
    const bool created = ::mkdirat(parent, name.c_str(), 0755) == 0;
    if (!created && errno != EEXIST) fail_errno(errno, path, "cannot be unpacked");
    const base::Fd fd{open_folder(parent, name.c_str())};
    if (!fd) refuse(path.shown(), "is a folder and something else in the archive");
    if (created) count(4096);
    root_.give(fd.get(), path);
    // The owner keeps access: the archive's mode may be that of another program's user.
    if (::fchmod(fd.get(), mode | S_IRWXU) != 0) fail_errno(errno, path, "cannot be unpacked");
    ++unpacked_.entries;
}

void UnpackEntries::file(archive* a, archive_entry* entry, const Path& path)
{
    const int parent = parent_of(path);
    const std::string name = path.name();
    const auto create = [&] {
        return open_beneath(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, Links::refused,
                            0600);
    };
    base::Fd out{create()};
    if (!out && errno == EEXIST && ::unlinkat(parent, name.c_str(), 0) == 0)
        out.reset(create()); // the later one counts
    if (!out && (errno == EISDIR || errno == EEXIST))
        refuse(path.shown(), "is a folder and a file in the archive");
    if (!out) fail_errno(errno, path, "cannot be unpacked");
    data(a, out.get());
    root_.give(out.get(), path);
    if (::archive_entry_mtime_is_set(entry) != 0) {
        const timespec times[2] = {{0, UTIME_OMIT},
                                   {::archive_entry_mtime(entry), ::archive_entry_mtime_nsec(entry)}};
        ::futimens(out.get(), times); // may fail: not every file system can keep every time
    }
    const mode_t mode = ::archive_entry_perm(entry) & 0777;
    if (::fchmod(out.get(), mode == 0 ? 0644 : mode | S_IRUSR | S_IWUSR) != 0)
        fail_errno(errno, path, "cannot be unpacked");
    ++unpacked_.entries;
}

void UnpackEntries::data(archive* a, int file)
{
    std::int64_t at = 0;
    for (;;) {
        const void* bytes = nullptr;
        std::size_t size = 0;
        la_int64_t offset = at;
        const int result = ::archive_read_data_block(a, &bytes, &size, &offset);
        if (result == ARCHIVE_RETRY) {
            control_.check();
            continue;
        }
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN && result != ARCHIVE_EOF)
            fail_at("INVALID_REQUEST", archive_path_,
                    "is damaged or of an unknown kind: " + archive_message(a) + ". Nothing was unpacked.");
        const bool end = result == ARCHIVE_EOF;
        if (end) size = 0; // the offset is then that of a hole at the end, if any
        if (offset < at) {
            if (end) break;
            refuse("?", "has its content out of order");
        }
        // Holes count as content: what unpacks them elsewhere would write them.
        count(static_cast<std::uint64_t>(offset - at) + size);
        if (file >= 0 && size > 0) {
            if (const int error = write_at(file, static_cast<const char*>(bytes), size, offset); error != 0)
                fail_errno(error, archive_path_, "cannot be unpacked");
        }
        if (file >= 0 && end && offset > at && ::ftruncate(file, offset) != 0)
            fail_errno(errno, archive_path_, "cannot be unpacked");
        at = offset + static_cast<std::int64_t>(size);
        if (end) break;
    }
}

void UnpackEntries::count(std::uint64_t bytes)
{
    control_.bytes(bytes);
    if (bytes > options_.max_bytes - seen_bytes_)
        fail_at("TOO_LARGE", archive_path_,
                "has more than " + std::to_string(options_.max_bytes) +
                    " bytes unpacked. Nothing was unpacked.");
    seen_bytes_ += bytes;
    if (seen_bytes_ > options_.ratio_from && seen_bytes_ / options_.max_ratio > archive_size_)
        fail_at("TOO_LARGE", archive_path_,
                "unpacks to more than " + std::to_string(options_.max_ratio) +
                    " times its size, as archives that are made to fill disks do. Nothing was unpacked.");
    claim_.raise(seen_bytes_);
    unpacked_.bytes = seen_bytes_;
}

void UnpackEntries::leave_out(const Path& path, std::string_view why)
{
    ++unpacked_.left_out;
    if (unpacked_.reports.size() < max_reports)
        unpacked_.reports.push_back(path.shown() + " " + std::string{why});
}

bool UnpackEntries::leads_outside(const Path& path, std::string_view target) const
{
    if (target.empty() || target.front() == '/') return true;
    const auto levels = [](const Path& p) {
        return p.is_root() ? 0 : 1 + std::count(p.bytes().begin(), p.bytes().end(), '/');
    };
    auto depth = levels(target_) + levels(path.parent());
    for (std::string_view rest = target; !rest.empty();) {
        const auto slash = std::min(rest.find('/'), rest.size());
        const std::string_view part = rest.substr(0, slash);
        rest.remove_prefix(std::min(slash + 1, rest.size()));
        if (part.empty() || part == ".") continue;
        depth += part == ".." ? -1 : 1;
        if (depth < 0) return true;
    }
    return false;
}

void UnpackEntries::link(const Path& path, const char* target)
{
    if (leads_outside(path, target)) {
        leave_out(path, "is a link that leads outside the server's folder");
        return;
    }
    if (root_.denylist().is_above_denied(target_.bytes() + "/" + path.bytes()))
        fail_at(
            "DENIED", archive_path_,
            "the entry \"" + path.shown() +
                "\" is a link, and the egg's file_denylist forbids files in a folder of this name. Nothing "
                "was unpacked; use an archive without it.");
    const int parent = parent_of(path);
    const std::string name = path.name();
    if (::symlinkat(target, parent, name.c_str()) != 0 &&
        (errno != EEXIST || ::unlinkat(parent, name.c_str(), 0) != 0 ||
         ::symlinkat(target, parent, name.c_str()) != 0))
        fail_errno(errno, path, "cannot be unpacked");
    root_.give_link(parent, name, path);
    ++unpacked_.entries;
}

void UnpackEntries::hard_link(archive* a, const Path& path, const char* target)
{
    data(a, -1); // some archivers store the content again
    Path source;
    try {
        source = Path::from_bytes(target);
    } catch (const Error&) {
        refuse(path.shown(), "is a hard link to a file outside the folder");
    }
    if (source.is_root()) refuse(path.shown(), "is a hard link to a folder");
    const int parent = parent_of(path);
    const base::Fd folder{open_beneath(top_, source.parent().c_str(), O_PATH | O_DIRECTORY, Links::refused)};
    struct stat info {};
    const bool good = folder &&
                      ::fstatat(folder.get(), source.name().c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
                      S_ISREG(info.st_mode);
    if (!good) {
        leave_out(path, "is a hard link to a file that is not in the archive before it");
        return;
    }
    if (source == path) return;
    const std::string name = path.name();
    const auto make = [&] { return ::linkat(folder.get(), source.name().c_str(), parent, name.c_str(), 0); };
    if (make() != 0 && (errno != EEXIST || ::unlinkat(parent, name.c_str(), 0) != 0 || make() != 0)) {
        leave_out(path, "is a hard link that the file system refuses");
        return;
    }
    ++unpacked_.entries;
}

} // namespace agenthost::docker::files
