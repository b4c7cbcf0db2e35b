// Owns an exclusive lock on a lock file, for as long as the object lives.
//
// The lock belongs to the open file description, which a child process shares from its fork until its exec.
// Closing our descriptor therefore does not release the lock while there is such a child; the destructor
// unlocks explicitly (LOCK_UN acts on the shared description) and then closes. So the next owner can lock at
// once, even while other threads spawn processes.
#pragma once

#include "fd.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <string>
#include <utility>

namespace agenthost::base {

class FileLock {
public:
    enum class Wait { no, yes };

    FileLock() = default;
    FileLock(FileLock&&) noexcept = default;
    FileLock& operator=(FileLock&& other) noexcept
    {
        release();
        fd_ = std::move(other.fd_);
        return *this;
    }
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;
    ~FileLock() { release(); }

    // Creates the file (mode 0600) if it does not exist and locks it. `path` is relative to `folder`, a
    // descriptor or AT_FDCWD. Returns 0 or an errno; EWOULDBLOCK: another owner holds the lock.
    [[nodiscard]] int acquire(int folder, const std::string& path, Wait wait = Wait::no)
    {
        Fd fd{::openat(folder, path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
        if (!fd) return errno;
        while (::flock(fd.get(), LOCK_EX | (wait == Wait::no ? LOCK_NB : 0)) != 0)
            if (errno != EINTR) return errno;
        release();
        fd_ = std::move(fd);
        return 0;
    }
    [[nodiscard]] int acquire(const std::string& path, Wait wait = Wait::no)
    {
        return acquire(AT_FDCWD, path, wait);
    }

    void release()
    {
        if (fd_) ::flock(fd_.get(), LOCK_UN);
        fd_.reset();
    }

    explicit operator bool() const { return static_cast<bool>(fd_); }
    [[nodiscard]] int fd() const { return fd_.get(); }

private:
    Fd fd_;
};

} // namespace agenthost::base
