#include "disk_trouble.hpp"

#include "sqlite.hpp"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>

namespace agenthost::base {

namespace {

std::string sentence(const std::string& path, std::string_view what, std::string_view remedy,
                     std::string_view more)
{
    std::string text = path + ": ";
    (text += what) += ". ";
    text += remedy;
    if (!more.empty()) (text += ", or ") += more;
    return text + ".";
}

DiskTrouble no_space(int error, const std::string& path, std::string_view more)
{
    if (error == EDQUOT)
        return {"DISK_FULL", sentence(path, "the disk quota of this user is used up",
                                      "Free space or raise the quota", more)};
    const auto left = disk_space(path);
    if (left && left->inodes && *left->inodes == 0 && left->bytes > 0)
        return {"DISK_FULL", sentence(path, "the file system has no free inodes",
                                      "Delete files there that are no longer needed", more)};
    return {"DISK_FULL", sentence(path, "the disk is full", "Free space on that file system", more)};
}

} // namespace

std::optional<DiskSpace> disk_space(const std::string& path)
{
    struct statvfs info {};
    std::string at = path;
    while (::statvfs(at.c_str(), &info) != 0) { // the file may not exist yet: then its folder counts
        const auto slash = at.rfind('/');
        if (errno != ENOENT || slash == std::string::npos || slash == 0) return std::nullopt;
        at.resize(slash);
    }
    DiskSpace space{.bytes = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize,
                    .inodes = {},
                    .read_only = (info.f_flag & ST_RDONLY) != 0};
    if (info.f_files > 0) space.inodes = info.f_favail;
    return space;
}

DiskTrouble disk_trouble(int error, const std::string& path, std::string_view more)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT: return no_space(error, path, more);
    case EFBIG:
        return {"DISK_FULL", sentence(path, "the file may not grow any further (ulimit -f of this process)",
                                      "Raise LimitFSIZE of the service", more)};
    case EROFS:
        return {"DISK_ERROR",
                sentence(path, "the file system is read-only",
                         "Find the reason in the kernel log, repair it and mount it writable", more)};
    case EIO:
        return {"DISK_ERROR", sentence(path, "the disk does not work (input/output error)",
                                       "Check the kernel log and replace the disk", more)};
    case EMFILE:
        return {"INSUFFICIENT_RESOURCES", sentence(path, "no file descriptor is free in this process",
                                                   "Raise LimitNOFILE of the service (ulimit -n)", more)};
    case ENFILE:
        return {"INSUFFICIENT_RESOURCES", sentence(path, "no file descriptor is free on this machine",
                                                   "Raise the sysctl fs.file-max", more)};
    case ENOMEM: return {"INSUFFICIENT_RESOURCES", sentence(path, "no memory is free", "Free memory", more)};
    case EACCES:
    case EPERM:
        return {"INTERNAL", sentence(path, "permission denied",
                                     "Give the file and its folder to the daemon's user", more)};
    default: return {"INTERNAL", sentence(path, std::strerror(error), "Repair the file system", more)};
    }
}

DiskTrouble disk_trouble(const SqliteError& e, const std::string& path, std::string_view more)
{
    const int primary = e.code() & 0xff;
    if (primary == SQLITE_FULL) return no_space(ENOSPC, path, more);
    if (primary == SQLITE_NOMEM) return disk_trouble(ENOMEM, path, more);
    if (primary == SQLITE_READONLY) {
        const auto left = disk_space(path);
        if (left && left->read_only) return disk_trouble(EROFS, path, more);
    }
    const bool of_the_disk =
        primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY;
    if (of_the_disk && e.system_error() != 0) return disk_trouble(e.system_error(), path, more);
    if (primary == SQLITE_IOERR) return disk_trouble(EIO, path, more);
    if (e.locked())
        return {"DISK_ERROR", sentence(path, "another program holds a lock on this file",
                                       "Find it with `fuser " + path + "` and end it", more)};
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
        return {"DISK_ERROR", sentence(path, "the file is damaged", "Restore it from a backup", more)};
    return {"INTERNAL", path + ": " + e.what() + "."};
}

std::optional<FileId> file_id(const std::string& path)
{
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return std::nullopt;
    return FileId{info.st_dev, info.st_ino};
}

std::optional<DiskTrouble> file_gone(const std::string& path, const FileId& opened)
{
    const auto now = file_id(path);
    if (now && *now == opened) return std::nullopt;
    const std::string what = now ? "replaced by another" : "deleted";
    return DiskTrouble{"DISK_ERROR", path + ": the file was " + what +
                                         " while this process had it open, so what is written now is lost at "
                                         "the next start. Put it back and restart agenthost."};
}

} // namespace agenthost::base
