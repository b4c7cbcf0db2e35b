#include "spool.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace agenthost::hub {

namespace {

std::string cause()
{
    return std::strerror(errno); // NOLINT(concurrency-mt-unsafe): glibc's is per thread
}

// Nameless from the start: no crash can leave it behind. Not O_TMPFILE, which some file systems lack.
kit::Fd nameless(const std::string& folder)
{
    std::string name = folder + "/transfer.XXXXXX";
    kit::Fd fd{::mkostemp(name.data(), O_CLOEXEC)};
    if (fd) ::unlink(name.c_str());
    return fd;
}

} // namespace

SpoolFile::~SpoolFile() { spool_->give_back(room_); }

void SpoolFile::complete(std::uint64_t size, std::string sha256)
{
    size_ = size;
    sha256_ = std::move(sha256);
    if (size < room_) {
        if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0)
            return; // the reservation stays: it may still hold the blocks
        spool_->give_back(room_ - size);
        room_ = size;
    }
}

std::shared_ptr<Spool> Spool::make(std::string folder, std::uint64_t bytes, std::uint64_t reserve_free)
{
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
        throw std::runtime_error{"hub: cannot create the transfer folder " + folder + ": " + cause() +
                                 ". Create its parent, or name another folder in plugins.hub.config.spool."};
    }
    if (const kit::Fd probe = nameless(folder); !probe) {
        throw std::runtime_error{
            "hub: cannot write to the transfer folder " + folder + ": " + cause() +
            ". Give it to the daemon's user with mode 0700, or name another in plugins.hub.config.spool."};
    }
    return std::shared_ptr<Spool>{new Spool{std::move(folder), bytes, reserve_free}};
}

std::shared_ptr<SpoolFile> Spool::open(std::uint64_t bytes, std::string& problem)
{
    {
        const std::lock_guard lock{mutex_};
        if (bytes > bytes_ - reserved_) { // reserved_ never exceeds bytes_
            problem = "the hub's transfer folder has room for " + std::to_string(bytes_ - reserved_) +
                      " of the " + std::to_string(bytes) +
                      " bytes now; try again later, or raise plugins.hub.config.spool_bytes";
            return nullptr;
        }
        reserved_ += bytes;
    }
    kit::Fd fd = nameless(folder_);
    std::shared_ptr<SpoolFile> file{
        new SpoolFile{shared_from_this(), std::move(fd), bytes}}; // gives back what it reserved when dropped
    if (file->fd() < 0) {
        problem = "the hub cannot create a file in its transfer folder: " + cause();
        return nullptr;
    }
    struct statvfs fs {};
    if (::fstatvfs(file->fd(), &fs) == 0) {
        const std::uint64_t free = std::uint64_t{fs.f_bavail} * fs.f_frsize;
        if (free < reserve_free_ || free - reserve_free_ < bytes) {
            problem = "the hub's disk has " + std::to_string(free) + " bytes free and keeps " +
                      std::to_string(reserve_free_) +
                      " of them; free some space, or move plugins.hub.config.spool";
            return nullptr;
        }
    }
    // Takes the blocks now, so that a full disk is said before a byte is sent. Where the file system cannot, the write will tell.
    if (bytes > 0 && ::fallocate(file->fd(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)) != 0 &&
        errno == ENOSPC) {
        problem = "the hub's disk is full; free some space, or move plugins.hub.config.spool";
        return nullptr;
    }
    return file;
}

std::uint64_t Spool::reserved() const
{
    const std::lock_guard lock{mutex_};
    return reserved_;
}

void Spool::give_back(std::uint64_t bytes)
{
    const std::lock_guard lock{mutex_};
    reserved_ -= bytes;
}

} // namespace agenthost::hub
