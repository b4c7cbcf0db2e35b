// LD_PRELOAD: records what a process does to the files below $POWERCUT_DIR into $POWERCUT_LOG, in the order
// it happened, so that powercut.hpp can make the states that a power cut could have left. Recorded:
// creations, writes, truncations, allocations, renames, unlinks, new folders, syncs, and marks of the process
// itself (powercut_mark). Not recorded: mmap (SQLite uses it for the WAL's index only, which is rebuilt).
#include "record.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <map>
#include <string>
#include <utility>

using agenthost::test::PowercutHeader;
using agenthost::test::PowercutKind;

namespace {

template <typename F> F real(F, const char* name) { return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name)); }
#define REAL(name) (real(static_cast<decltype(&::name)>(nullptr), #name))

struct Recorder {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    std::string root;
    int log = -1;
    uint64_t last = 0;
    std::map<std::pair<dev_t, ino_t>, uint64_t> objects; // the id of what an inode is now

    Recorder()
    {
        const char* dir = ::getenv("POWERCUT_DIR");
        const char* file = ::getenv("POWERCUT_LOG");
        if (!dir || !file) return;
        root = dir;
        log = static_cast<int>(
            ::syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
        struct stat info;
        if (::stat(dir, &info) == 0)
            objects[{info.st_dev, info.st_ino}] = 0; // the root is number 0 and was there before
    }
};

Recorder& recorder()
{
    static auto* one = new Recorder; // lives until the end: other threads may still call
    return *one;
}

struct Lock {
    Recorder& r = recorder();
    Lock() { ::pthread_mutex_lock(&r.mutex); }
    ~Lock() { ::pthread_mutex_unlock(&r.mutex); }
};

void put(Recorder& r, PowercutKind kind, uint64_t object, uint64_t a, uint64_t b, const char* name,
         const void* data, size_t size)
{
    PowercutHeader header{kind, static_cast<uint32_t>(::strlen(name)), object, a, b, size};
    std::string text(reinterpret_cast<const char*>(&header), sizeof header);
    text += name;
    text.append(static_cast<const char*>(data), size);
    size_t done = 0;
    while (done < text.size()) {
        const long n = ::syscall(SYS_write, r.log, text.data() + done, text.size() - done);
        if (n <= 0) ::abort();
        done += static_cast<size_t>(n);
    }
}

// The path of a name below a folder descriptor, without following its last part; empty when it is not ours.
std::string ours(const Recorder& r, int at, const char* path)
{
    if (r.log < 0) return {};
    std::string full;
    if (path[0] == '/') {
        full = path;
    } else {
        char link[64], dir[PATH_MAX];
        ::snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        const ssize_t n = at == AT_FDCWD ? ::readlink("/proc/self/cwd", dir, sizeof dir)
                                         : ::readlink(link, dir, sizeof dir);
        if (n <= 0) return {};
        full = std::string(dir, static_cast<size_t>(n)) + "/" + path;
    }
    return full.compare(0, r.root.size() + 1, r.root + "/") == 0 ? full : std::string{};
}

bool id_of_path(Recorder& r, const std::string& path, uint64_t& id)
{
    struct stat info;
    if (::lstat(path.c_str(), &info) != 0) return false;
    const auto found = r.objects.find({info.st_dev, info.st_ino});
    if (found == r.objects.end()) return false;
    id = found->second;
    return true;
}

bool id_of_fd(Recorder& r, int fd, uint64_t& id)
{
    struct stat info;
    if (r.log < 0 || ::fstat(fd, &info) != 0) return false;
    const auto found = r.objects.find({info.st_dev, info.st_ino});
    if (found == r.objects.end()) return false;
    id = found->second;
    return true;
}

std::string folder(const std::string& path) { return path.substr(0, path.rfind('/')); }
const char* leaf(const std::string& path) { return path.c_str() + path.rfind('/') + 1; }

// Something new at `path`: gets a number and an entry in its folder.
void created(Recorder& r, const std::string& path, PowercutKind kind)
{
    struct stat info;
    uint64_t parent = 0;
    if (::lstat(path.c_str(), &info) != 0 || !id_of_path(r, folder(path), parent)) return;
    r.objects[{info.st_dev, info.st_ino}] = ++r.last;
    put(r, kind, r.last, parent, 0, leaf(path), "", 0);
}

int open_recorded(int at, const char* path, int flags, mode_t mode)
{
    static const auto next = REAL(openat);
    if (!(flags & (O_CREAT | O_TRUNC)) || recorder().log < 0) return next(at, path, flags, mode);
    const Lock lock;
    const std::string full = ours(lock.r, at, path);
    struct stat before;
    const bool is_new = !full.empty() && ::lstat(full.c_str(), &before) != 0;
    const int fd = next(at, path, flags, mode);
    if (fd < 0 || full.empty()) return fd;
    uint64_t id = 0;
    if (is_new)
        created(lock.r, full, PowercutKind::create);
    else if ((flags & O_TRUNC) && id_of_fd(lock.r, fd, id))
        put(lock.r, PowercutKind::truncate, id, 0, 0, "", "", 0);
    return fd;
}

mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | O_TMPFILE) ? static_cast<mode_t>(va_arg(args, unsigned)) : 0;
}

// After `done` bytes of `data` went to `fd` at `offset`; -1: where the descriptor stands now.
void wrote(Recorder& r, int fd, const void* data, ssize_t done, off_t offset)
{
    uint64_t id = 0;
    if (done <= 0 || !id_of_fd(r, fd, id)) return;
    const off_t at = offset >= 0 ? offset : ::lseek(fd, 0, SEEK_CUR) - done;
    put(r, PowercutKind::write, id, static_cast<uint64_t>(at), 0, "", data, static_cast<size_t>(done));
}

template <typename Sync> int sync_recorded(Sync next, int fd)
{
    if (recorder().log < 0) return next(fd);
    const Lock lock;
    const int rc = next(fd);
    uint64_t id = 0;
    if (rc == 0 && id_of_fd(lock.r, fd, id)) put(lock.r, PowercutKind::sync, id, 0, 0, "", "", 0);
    return rc;
}

template <typename Next> int truncate_recorded(Next next, int fd, off_t size)
{
    if (recorder().log < 0) return next(fd, size);
    const Lock lock;
    const int rc = next(fd, size);
    uint64_t id = 0;
    if (rc == 0 && id_of_fd(lock.r, fd, id))
        put(lock.r, PowercutKind::truncate, id, static_cast<uint64_t>(size), 0, "", "", 0);
    return rc;
}

template <typename Next> int allocate_recorded(Next next, int fd, off_t end)
{
    const Lock lock;
    const int rc = next();
    uint64_t id = 0;
    if (rc == 0 && id_of_fd(lock.r, fd, id))
        put(lock.r, PowercutKind::extend, id, static_cast<uint64_t>(end), 0, "", "", 0);
    return rc;
}

template <typename Next>
int rename_recorded(Next next, int from_at, const char* from, int to_at, const char* to)
{
    if (recorder().log < 0) return next();
    const Lock lock;
    const std::string a = ours(lock.r, from_at, from), b = ours(lock.r, to_at, to);
    uint64_t id = 0, from_dir = 0, to_dir = 0;
    const bool known = !a.empty() && !b.empty() && id_of_path(lock.r, a, id) &&
                       id_of_path(lock.r, folder(a), from_dir) && id_of_path(lock.r, folder(b), to_dir);
    const int rc = next();
    if (rc == 0 && known) {
        const std::string names = std::string{leaf(a)} + "/" + leaf(b);
        put(lock.r, PowercutKind::rename, id, from_dir, to_dir, names.c_str(), "", 0);
    }
    return rc;
}

template <typename Next> int unlink_recorded(Next next, int at, const char* path)
{
    if (recorder().log < 0) return next();
    const Lock lock;
    const std::string full = ours(lock.r, at, path);
    uint64_t id = 0, parent = 0;
    const bool known =
        !full.empty() && id_of_path(lock.r, full, id) && id_of_path(lock.r, folder(full), parent);
    const int rc = next();
    if (rc == 0 && known) put(lock.r, PowercutKind::unlink, id, parent, 0, leaf(full), "", 0);
    return rc;
}

template <typename Next> int mkdir_recorded(Next next, int at, const char* path)
{
    if (recorder().log < 0) return next();
    const Lock lock;
    const std::string full = ours(lock.r, at, path);
    const int rc = next();
    if (rc == 0 && !full.empty()) created(lock.r, full, PowercutKind::mkdir);
    return rc;
}

} // namespace

extern "C" {
#define EXPORT __attribute__((visibility("default")))

EXPORT void powercut_mark(const char* text)
{
    if (recorder().log < 0) return;
    const Lock lock;
    put(lock.r, PowercutKind::mark, 0, 0, 0, text, "", 0);
}

#define OPEN(NAME)                                                                                           \
    EXPORT int NAME(const char* path, int flags, ...)                                                        \
    {                                                                                                        \
        va_list args;                                                                                        \
        va_start(args, flags);                                                                               \
        const mode_t mode = mode_of(flags, args);                                                            \
        va_end(args);                                                                                        \
        return open_recorded(AT_FDCWD, path, flags, mode);                                                   \
    }
#define OPENAT(NAME)                                                                                         \
    EXPORT int NAME(int at, const char* path, int flags, ...)                                                \
    {                                                                                                        \
        va_list args;                                                                                        \
        va_start(args, flags);                                                                               \
        const mode_t mode = mode_of(flags, args);                                                            \
        va_end(args);                                                                                        \
        return open_recorded(at, path, flags, mode);                                                         \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
EXPORT int __open_2(const char* path, int flags) { return open_recorded(AT_FDCWD, path, flags, 0); }
EXPORT int __open64_2(const char* path, int flags) { return open_recorded(AT_FDCWD, path, flags, 0); }
EXPORT int __openat_2(int at, const char* path, int flags) { return open_recorded(at, path, flags, 0); }
EXPORT int __openat64_2(int at, const char* path, int flags) { return open_recorded(at, path, flags, 0); }

EXPORT ssize_t write(int fd, const void* data, size_t size)
{
    static const auto next = REAL(write);
    if (recorder().log < 0) return next(fd, data, size);
    const Lock lock;
    const ssize_t n = next(fd, data, size);
    wrote(lock.r, fd, data, n, -1);
    return n;
}
EXPORT ssize_t pwrite(int fd, const void* data, size_t size, off_t offset)
{
    static const auto next = REAL(pwrite);
    if (recorder().log < 0) return next(fd, data, size, offset);
    const Lock lock;
    const ssize_t n = next(fd, data, size, offset);
    wrote(lock.r, fd, data, n, offset);
    return n;
}
EXPORT ssize_t pwrite64(int fd, const void* data, size_t size, off64_t offset)
{
    return pwrite(fd, data, size, offset);
}

EXPORT int ftruncate(int fd, off_t size) { return truncate_recorded(REAL(ftruncate), fd, size); }
EXPORT int ftruncate64(int fd, off64_t size) { return truncate_recorded(REAL(ftruncate), fd, size); }
EXPORT int fallocate(int fd, int mode, off_t offset, off_t size)
{
    return allocate_recorded([&] { return REAL(fallocate)(fd, mode, offset, size); }, fd,
                             mode == 0 ? offset + size : 0);
}
EXPORT int fallocate64(int fd, int mode, off64_t offset, off64_t size)
{
    return fallocate(fd, mode, offset, size);
}
EXPORT int posix_fallocate(int fd, off_t offset, off_t size)
{
    return allocate_recorded([&] { return REAL(posix_fallocate)(fd, offset, size); }, fd, offset + size);
}
EXPORT int posix_fallocate64(int fd, off64_t offset, off64_t size)
{
    return posix_fallocate(fd, offset, size);
}

EXPORT int fsync(int fd) { return sync_recorded(REAL(fsync), fd); }
EXPORT int fdatasync(int fd) { return sync_recorded(REAL(fdatasync), fd); }

EXPORT int rename(const char* from, const char* to) noexcept
{
    return rename_recorded([&] { return REAL(rename)(from, to); }, AT_FDCWD, from, AT_FDCWD, to);
}
EXPORT int renameat(int from_at, const char* from, int to_at, const char* to) noexcept
{
    return rename_recorded([&] { return REAL(renameat)(from_at, from, to_at, to); }, from_at, from, to_at,
                           to);
}
EXPORT int unlink(const char* path) noexcept
{
    return unlink_recorded([&] { return REAL(unlink)(path); }, AT_FDCWD, path);
}
EXPORT int unlinkat(int at, const char* path, int flags) noexcept
{
    return unlink_recorded([&] { return REAL(unlinkat)(at, path, flags); }, at, path);
}
EXPORT int mkdir(const char* path, mode_t mode) noexcept
{
    return mkdir_recorded([&] { return REAL(mkdir)(path, mode); }, AT_FDCWD, path);
}
EXPORT int mkdirat(int at, const char* path, mode_t mode) noexcept
{
    return mkdir_recorded([&] { return REAL(mkdirat)(at, path, mode); }, at, path);
}
}
