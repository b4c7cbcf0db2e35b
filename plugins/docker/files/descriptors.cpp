#include "descriptors.hpp"

#include "error.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>

namespace agenthost::docker::files {

namespace {

// A rename anywhere on the machine may interrupt a lookup below a folder (EAGAIN). The kernel says so only
// when a link with ".." is on the way, so this many in a row mean that somebody does it on purpose.
constexpr int max_lookups = 256;

std::string self_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

// 0, or the errno that says what else it is.
int must_be_regular(int fd)
{
    struct stat info {};
    if (::fstat(fd, &info) != 0) return errno;
    if (S_ISREG(info.st_mode)) return 0;
    if (S_ISDIR(info.st_mode)) return EISDIR;
    return S_ISLNK(info.st_mode) ? ELOOP : EINVAL;
}

int reopen(int o_path, int flags)
{
    return ::open(self_path(o_path).c_str(), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

} // namespace

int open_beneath(int folder, const char* path, int flags, Links links, mode_t mode)
{
    struct open_how how {};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    how.mode = mode;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    if (links == Links::refused) how.resolve |= RESOLVE_NO_SYMLINKS;
    for (int i = 0; i < max_lookups; ++i) {
        const long fd = ::syscall(SYS_openat2, folder, path, &how, sizeof how);
        if (fd >= 0) return static_cast<int>(fd);
        if (errno != EAGAIN && errno != EINTR) return -1;
        ::sched_yield();
    }
    errno = EAGAIN;
    return -1;
}

bool openat2_works(int folder)
{
    const base::Fd fd{open_beneath(folder, ".", O_PATH | O_DIRECTORY, Links::refused)};
    return static_cast<bool>(fd);
}

base::Fd open_regular(int folder, const Path& path, int flags, Links links)
{
    if (path.is_root()) fail_at("INVALID_REQUEST", path, "is the server's folder. Name a file in it.");
    // With NO_SYMLINKS the kernel refuses a link as last component even for O_PATH; the message is the same.
    const base::Fd found{open_beneath(folder, path.c_str(), O_PATH | O_NOFOLLOW, links)};
    if (!found) fail_errno(errno, path, "cannot be opened");
    switch (const int error = must_be_regular(found.get())) {
    case 0: break;
    case EISDIR: fail_at("INVALID_REQUEST", path, "is a folder. Name a file.");
    case ELOOP: fail_at("DENIED", path, "is a symbolic link. Use the path of the file it points to.");
    case EINVAL:
        fail_at("DENIED", path, "is a FIFO, socket or device, not a regular file. Use a regular file.");
    default: fail_errno(error, path, "cannot be opened");
    }
    base::Fd file{reopen(found.get(), flags)};
    if (!file) fail_errno(errno, path, "cannot be opened");
    return file;
}

int open_folder(int folder, const char* name)
{
    return ::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

int open_regular_name(int folder, const char* name, int flags)
{
    const base::Fd found{::openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    if (!found) return -1;
    if (const int error = must_be_regular(found.get()); error != 0) {
        errno = EINVAL;
        return -1;
    }
    return reopen(found.get(), flags);
}

int chmod_descriptor(int o_path, mode_t mode)
{
    return ::chmod(self_path(o_path).c_str(), mode) == 0 ? 0 : errno;
}

std::string name_of_descriptor(int fd)
{
    std::array<char, PATH_MAX> text{};
    const ssize_t n = ::readlink(self_path(fd).c_str(), text.data(), text.size());
    const bool whole = n > 0 && static_cast<std::size_t>(n) < text.size();
    return whole ? std::string(text.data(), static_cast<std::size_t>(n)) : std::string{};
}

int rename_entry(int from_folder, const char* from, int to_folder, const char* to, bool replace)
{
    const unsigned flags = replace ? 0 : RENAME_NOREPLACE;
    if (::renameat2(from_folder, from, to_folder, to, flags) == 0) return 0;
    if (errno != EINVAL || replace) return errno;
    // Some network file systems lack RENAME_NOREPLACE: a hard link refuses an existing target as atomically.
    // Folders cannot be linked; there the answer stays EINVAL.
    if (::linkat(from_folder, from, to_folder, to, 0) != 0) return errno == EPERM ? EINVAL : errno;
    return ::unlinkat(from_folder, from, 0) == 0 ? 0 : errno;
}

int write_file_bytes(int file, const char* data, std::size_t size)
{
    while (size > 0) {
        const ssize_t n = ::write(file, data, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        data += n;
        size -= static_cast<std::size_t>(n);
    }
    return 0;
}

} // namespace agenthost::docker::files
