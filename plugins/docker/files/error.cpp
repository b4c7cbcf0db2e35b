#include "error.hpp"

#include "base/disk_trouble.hpp"

#include <cerrno>
#include <cstring>
#include <string>

namespace agenthost::docker::files {

namespace {

struct Cause {
    int error;
    const char* code;
    const char* text;
};

constexpr Cause causes[] = {
    {ENOENT, "FILE_NOT_FOUND", "no such file or folder. List its folder to see what is there."},
    {ENOTDIR, "FILE_NOT_FOUND", "a part of the path is not a folder. List its folder to see what is there."},
    {ELOOP, "DENIED",
     "a part of the path is a symbolic link, and links are not followed here. Use the real path of the "
     "file."},
    {EXDEV, "DENIED",
     "a symbolic link in the path leads outside the server's folder, or another file system is mounted "
     "there. Use a path "
     "inside the server's folder."},
    {EACCES, "DENIED",
     "permission denied. Give the file to the server's user, or change its mode with chmod."},
    {EPERM, "DENIED",
     "the system does not permit it. The file may be immutable or belong to another user; check it on the "
     "machine itself."},
    {EEXIST, "INVALID_REQUEST",
     "the name is already used. Choose another name, or ask for it to be replaced."},
    {ENOTEMPTY, "INVALID_REQUEST", "the folder is not empty. Delete its contents first."},
    {EISDIR, "INVALID_REQUEST", "it is a folder. Name a file."},
    {ENAMETOOLONG, "INVALID_REQUEST", "the name is too long for this file system. Use a shorter name."},
    {EAGAIN, "BUSY", "the server keeps moving folders of this path. Stop the server, then try again."},
    {EBUSY, "BUSY", "it is in use, for example as a mount point. Stop what uses it."},
    {ETXTBSY, "BUSY", "the program is running. Stop the server, then try again."},
    {EMLINK, "INVALID_REQUEST", "the folder has too many folders. Spread them over several folders."},
    {EDQUOT, "DISK_FULL",
     "the disk quota of this server is used up. Delete files, or raise the server's disk limit."},
    {ENOSPC, "DISK_FULL",
     "the disk, or the disk quota of this server, is full. Delete files, or raise the server's disk limit."},
};

} // namespace

void fail(std::string_view code, const std::string& text)
{
    agh_status status = AGH_E_INVALID;
    if (code == "DENIED") status = AGH_E_DENIED;
    if (code == "BUSY") status = AGH_E_BUSY;
    if (code == "CANCELLED") status = AGH_E_CANCELLED;
    if (code == "FILE_NOT_FOUND") status = AGH_E_NOT_FOUND;
    if (code == "INTERNAL" || code == "DISK_ERROR") status = AGH_E_INTERNAL;
    throw Error{std::string{code}, text, status};
}

void fail_at(std::string_view code, const Path& path, const std::string& text)
{
    fail(code, path.shown() + ": " + text);
}

void fail_errno(int error, const Path& path, std::string_view what)
{
    for (const Cause& cause : causes)
        if (cause.error == error) fail_at(cause.code, path, std::string{what} + ": " + cause.text);
    switch (error) {
    case EFBIG:
    case EROFS:
    case EIO:
    case EMFILE:
    case ENFILE:
    case ENOMEM: {
        const auto trouble = base::disk_trouble(error, path.shown());
        fail(trouble.code, trouble.text);
    }
    default: break;
    }
    const std::string number = std::to_string(error);
    fail_at("INTERNAL", path,
            std::string{what} + ": " + std::strerror(error) + " (errno " + number +
                "). Check the file on the machine itself.");
}

} // namespace agenthost::docker::files
