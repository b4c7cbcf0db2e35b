#include "store.hpp"

#include "mark.hpp"

#include "base/hash.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>

namespace agenthost::storage {

using base::Fd;

namespace {

constexpr std::uint64_t ballast = 8 << 20; // enough for a WAL at its checkpoint size, and its index

[[noreturn]] void fail(const std::string& what, int error)
{
    const char* fix = error == EACCES || error == EPERM || error == EROFS
                          ? "; storage_path must be a writable folder of the daemon's user"
                          : "";
    throw std::runtime_error{what + ": " + std::strerror(error) + fix};
}

Fd open_dir(int at, const std::string& name)
{
    return Fd{::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
}

// Creates it if missing.
Fd make_dir(int at, const std::string& name, const std::string& path, bool& made)
{
    if (::mkdirat(at, name.c_str(), 0700) == 0)
        made = true;
    else if (errno != EEXIST)
        fail(path + "/" + name, errno);
    Fd dir = open_dir(at, name);
    if (!dir) fail(path + "/" + name, errno);
    return dir;
}

std::optional<base::FileId> file_id(int folder, const char* name)
{
    struct stat info {};
    if (::fstatat(folder, name, &info, 0) != 0) return std::nullopt;
    return base::FileId{info.st_dev, info.st_ino};
}

std::optional<base::FileId> file_id(int fd)
{
    struct stat info {};
    if (::fstat(fd, &info) != 0) return std::nullopt;
    return base::FileId{info.st_dev, info.st_ino};
}

// Calls visit(name, stat) for each entry; entries that vanish meanwhile are skipped.
template <typename Visit> void for_each_entry(int at, const char* name, Visit visit)
{
    const int fd = ::openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return;
    const std::unique_ptr<DIR, int (*)(DIR*)> dir{::fdopendir(fd), ::closedir};
    if (!dir) {
        ::close(fd);
        return;
    }
    while (const dirent* entry = ::readdir(dir.get())) {
        const std::string_view text{entry->d_name};
        struct stat info {};
        if (text == "." || text == ".." || ::fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        visit(std::string{text}, info);
    }
}

// `id`: of the store's mark. `expected`: of the store that was used here before; empty: none.
void require_same(const std::string& path, const std::string& id, const std::string& expected,
                  const std::string& known_file)
{
    if (expected.empty() || id == expected) return;
    const std::string begin_anew = " To begin with an empty store here, remove its line from " + known_file;
    if (id.empty())
        throw std::runtime_error{"storage_path " + path + ": the store that was used here is gone (no file " +
                                 mark_file + "). Is its disk mounted? Mount it and reload." + begin_anew};
    throw std::runtime_error{"storage_path " + path + ": this is not the store that was used here (" +
                             mark_file + " is " + id + ", it was " + expected +
                             "). Mount the right disk and reload." + begin_anew};
}

void require_whole(int root, const std::string& path, const std::string& id)
{
    // SQLite treats a file shorter than its smallest page as a new database.
    constexpr off_t min_index = 512;
    struct stat index {};
    const bool had_index = ::fstatat(root, "index.db", &index, 0) == 0;
    const bool empty = had_index && S_ISREG(index.st_mode) && index.st_size < min_index;
    if (!id.empty() && (!had_index || empty))
        throw std::runtime_error{
            "storage_path " + path + ": the index is gone (" +
            (empty ? "index.db is empty" : "no file index.db") +
            "), so nothing says "
            "what the files are. Restore it from a backup; or, to begin with an empty store, "
            "move " +
            path + "/files away and remove " + path + "/" + mark_file};
    const Fd files = open_dir(root, "files");
    if ((had_index && !files) || (!id.empty() && read_mark(files.get()) != id))
        throw std::runtime_error{
            "storage_path " + path +
            ": there is an index, but the folder files is not the store's. Is a disk not mounted "
            "there? Mount it and reload; if the files are lost, remove " +
            path + "/index.db and " + path + "/" + mark_file + " to begin with an empty store"};
}

} // namespace

bool is_blob_name(std::string_view name)
{
    return name.size() == 32 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Store::Store(const std::string& path, const std::string& expected, const std::string& known_file)
    : path_{path}
{
    open_root(expected, known_file);
    const int refused = lock_.acquire(root_.get(), "lock");
    if (refused == EWOULDBLOCK)
        throw std::runtime_error{"storage_path " + path +
                                 " is in use by another agenthost; give each its own folder"};
    if (refused != 0) fail("storage_path " + path + "/lock", refused);
    open_folders();
}

// Changes nothing on the disk before this is known to be the right store.
void Store::open_root(const std::string& expected, const std::string& known_file)
{
    std::error_code error;
    if (expected.empty()) std::filesystem::create_directories(path_, error);
    root_ = Fd{::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!root_ && (expected.empty() || errno != ENOENT)) fail("storage_path " + path_, errno);
    id_ = root_ ? read_mark(root_.get()) : std::string{};
    require_same(path_, id_, expected, known_file);
}

void Store::open_folders()
{
    require_whole(root_.get(), path_, id_);
    bool made = false;
    files_ = make_dir(root_.get(), "files", path_, made);
    incoming_ = make_dir(root_.get(), "incoming", path_, made);
    quarantine_ = make_dir(root_.get(), "quarantine", path_, made);
    if (made && ::fsync(root_.get()) != 0) fail("syncing " + path_, errno); // they must survive a power cut
}

void Store::examine(const std::string& path, const std::string& expected, const std::string& known_file)
{
    const Fd root{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!root && errno != ENOENT) return;
    if (root && ::faccessat(root.get(), mark_file, R_OK, 0) != 0 && errno == EACCES) return;
    if (root && ::faccessat(root.get(), "files", R_OK | X_OK, 0) != 0 && errno == EACCES) return;
    const std::string id = root ? read_mark(root.get()) : std::string{};
    require_same(path, id, expected, known_file);
    if (root) require_whole(root.get(), path, id);
}

MaybeProblem Store::sign()
{
    if (!id_.empty()) return std::nullopt;
    std::string id = read_mark(files_.get()); // a start that was interrupted between the two
    if (id.empty()) id = base::random_token(16);
    // A mark implies that there is an index, so the index's name must be on disk before it; the decisive mark
    // is written last.
    int error = ::fsync(root_.get()) == 0 ? 0 : errno;
    if (error == 0) error = write_mark(files_.get(), id);
    if (error == 0) error = write_mark(root_.get(), id);
    if (error != 0) return problem::from_errno(error, "writing " + path_ + "/" + mark_file);
    id_ = id;
    return std::nullopt;
}

void Store::watch_index() { index_ = file_id(root_.get(), "index.db"); }

MaybeProblem Store::lost() const
{
    std::string what;
    if (file_id(AT_FDCWD, path_.c_str()) != file_id(root_.get()))
        what = path_;
    else if (file_id(root_.get(), "files") != file_id(files_.get()))
        what = path_ + "/files";
    else if (file_id(root_.get(), "incoming") != file_id(incoming_.get()))
        what = path_ + "/incoming";
    else if (file_id(root_.get(), "quarantine") != file_id(quarantine_.get()))
        what = path_ + "/quarantine";
    else if (index_ && file_id(root_.get(), "index.db") != index_)
        what = path_ + "/index.db";
    else
        return std::nullopt;
    return problem::disk_error(what + " was removed or replaced while the daemon used it, or its disk was "
                                      "unmounted. Restore it or mount the disk, and restart the daemon");
}

Store::Temp::Temp(Temp&& other) noexcept
    : folder_{other.folder_}, fd_{std::move(other.fd_)}, blob_{std::move(other.blob_)}, kept_{std::exchange(
                                                                                            other.kept_,
                                                                                            true)}
{}

Store::Temp::~Temp()
{
    if (!kept_) ::unlinkat(folder_, blob_.c_str(), 0);
}

std::optional<Store::Temp> Store::create(MaybeProblem& problem) const
{
    std::string blob = base::random_token(16);
    Fd fd{::openat(incoming_.get(), blob.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!fd) {
        problem = problem::from_errno(errno, "creating a file in " + path_ + "/incoming");
        return std::nullopt;
    }
    return Temp{incoming_.get(), std::move(fd), std::move(blob)};
}

MaybeProblem Store::place(Temp& temp) const
{
    if (auto gone = lost()) return gone;
    const std::string where = path_ + "/files/" + relative(temp.blob());
    if (::fsync(temp.fd()) != 0) return problem::from_errno(errno, "syncing " + where);
    const std::string shard = temp.blob().substr(0, 2);
    Fd dir = open_dir(files_.get(), shard);
    if (!dir) {
        if (::mkdirat(files_.get(), shard.c_str(), 0700) != 0 && errno != EEXIST)
            return problem::from_errno(errno, "creating the folder of " + where);
        if (::fsync(files_.get()) != 0) return problem::from_errno(errno, "syncing " + path_ + "/files");
        dir = open_dir(files_.get(), shard);
        if (!dir) return problem::from_errno(errno, "opening the folder of " + where);
    }
    if (::renameat(incoming_.get(), temp.blob().c_str(), dir.get(), temp.blob().c_str()) != 0)
        return problem::from_errno(errno, "renaming to " + where);
    temp.keep();
    if (::fsync(dir.get()) != 0) return problem::from_errno(errno, "syncing the folder of " + where);
    return std::nullopt;
}

Fd Store::open(const std::string& blob, int& error) const
{
    Fd fd{::openat(files_.get(), relative(blob).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    error = fd ? 0 : errno;
    return fd;
}

MaybeProblem Store::remove(const std::string& blob) const
{
    const std::string where = path_ + "/files/" + relative(blob);
    if (::unlinkat(files_.get(), relative(blob).c_str(), 0) != 0 && errno != ENOENT)
        return problem::from_errno(errno, "removing " + where);
    const Fd dir = open_dir(files_.get(), blob.substr(0, 2));
    if (dir && ::fsync(dir.get()) != 0) return problem::from_errno(errno, "syncing the folder of " + where);
    return std::nullopt;
}

std::uint64_t Store::free_bytes() const
{
    struct statvfs info {};
    if (::fstatvfs(root_.get(), &info) != 0) return 0;
    return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

void Store::load_ballast() const
{
    const Fd file{::openat(root_.get(), "ballast", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    struct stat info {};
    if (!file || ::fstat(file.get(), &info) != 0 || static_cast<std::uint64_t>(info.st_size) >= ballast ||
        free_bytes() < 4 * ballast)
        return;
    if (::fallocate(file.get(), 0, 0, static_cast<off_t>(ballast)) != 0)
        ::unlinkat(root_.get(), "ballast", 0);
}

bool Store::drop_ballast() const { return ::unlinkat(root_.get(), "ballast", 0) == 0; }

std::vector<FoundFile> Store::scan() const
{
    std::vector<FoundFile> found;
    for_each_entry(files_.get(), ".", [&](const std::string& shard, const struct stat& info) {
        if (!S_ISDIR(info.st_mode) || shard.size() != 2) return;
        for_each_entry(files_.get(), shard.c_str(), [&](const std::string& name, const struct stat& file) {
            if (S_ISREG(file.st_mode) && is_blob_name(name) && name.starts_with(shard))
                found.push_back({name, static_cast<std::uint64_t>(file.st_size)});
        });
    });
    return found;
}

std::vector<std::string> Store::strangers() const
{
    std::vector<std::string> names;
    for_each_entry(files_.get(), ".", [&](const std::string& shard, const struct stat& info) {
        if (shard.starts_with(mark_file)) return; // our mark, or a part of it left by a power cut
        if (!S_ISDIR(info.st_mode) || shard.size() != 2) return names.push_back(shard);
        for_each_entry(files_.get(), shard.c_str(), [&](const std::string& name, const struct stat& file) {
            if (!S_ISREG(file.st_mode) || !is_blob_name(name) || !name.starts_with(shard))
                names.push_back(shard + "/" + name);
        });
    });
    return names;
}

bool Store::quarantine(const std::string& blob) const
{
    if (::renameat(files_.get(), relative(blob).c_str(), quarantine_.get(), blob.c_str()) != 0) return false;
    ::fsync(quarantine_.get());
    return true;
}

std::vector<FoundFile> Store::quarantined() const
{
    std::vector<FoundFile> found;
    for_each_entry(quarantine_.get(), ".", [&](const std::string& name, const struct stat& info) {
        if (S_ISREG(info.st_mode)) found.push_back({name, static_cast<std::uint64_t>(info.st_size)});
    });
    return found;
}

std::vector<FoundFile> Store::remove_incoming() const
{
    std::vector<FoundFile> removed;
    for_each_entry(incoming_.get(), ".", [&](const std::string& name, const struct stat& info) {
        if (!S_ISREG(info.st_mode) || !is_blob_name(name)) return; // not ours
        if (::unlinkat(incoming_.get(), name.c_str(), 0) == 0)
            removed.push_back({name, static_cast<std::uint64_t>(info.st_size)});
    });
    return removed;
}

} // namespace agenthost::storage
