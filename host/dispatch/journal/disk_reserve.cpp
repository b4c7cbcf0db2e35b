#include "disk_reserve.hpp"

#include "base/fd.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace agenthost::host {

bool DiskReserve::hold(Time now)
{
    if (held_ || bytes_ == 0) return true;
    if (now < retry_) return false;
    retry_ = now + retry_after;
    const base::Fd fd{::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!fd) return false;
    held_ = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes_)) == 0;
    // A part of it is of no use.
    if (!held_ && ::ftruncate(fd.get(), 0) != 0) return false;
    return held_;
}

bool DiskReserve::release()
{
    held_ = false;
    retry_ = {};
    const base::Fd fd{::open(file_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
    if (!fd || ::lseek(fd.get(), 0, SEEK_END) <= 0) return false;
    // Not unlinked: the inode stays ours.
    return ::ftruncate(fd.get(), 0) == 0;
}

} // namespace agenthost::host
