#include "spool.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace agenthost::hub {

namespace {

constexpr std::uint64_t step = 1ULL << 20; // taken at first
// Bytes of a body that the daemon may hold before it reports progress.
constexpr std::uint64_t under_way = 512ULL << 10;

constexpr const char* remedy = "name a folder on another disk in plugins.hub.config.spool";

std::string cause()
{
    return std::strerror(errno); // NOLINT(concurrency-mt-unsafe): glibc's is per thread
}

// Creates a file without a name, so that no crash can leave it behind. Not O_TMPFILE, which some file systems
// lack.
base::Fd nameless(const std::string& folder)
{
    std::string name = folder + "/transfer.XXXXXX";
    base::Fd fd{::mkostemp(name.data(), O_CLOEXEC)};
    if (fd) ::unlink(name.c_str());
    return fd; // on failure errno is mkostemp's
}

} // namespace

SpoolFile::~SpoolFile() { spool_->give_back(*this, reserved_); }

bool SpoolFile::grow(std::uint64_t arrived)
{
    // Starts small, then reserves twice the arrived bytes: few steps, and never more than twice what has
    // arrived.
    const std::uint64_t ahead = std::max(arrived, step);
    const std::uint64_t wanted = std::min(max_size_, arrived + ahead);
    if (wanted <= reserved_) return arrived <= reserved_;
    if (spool_->take(*this, wanted - reserved_)) {
        reserved_ = wanted;
        return true;
    }
    const std::uint64_t needed = std::min(max_size_, arrived + under_way);
    if (needed <= reserved_) return true;
    if (!spool_->take(*this, needed - reserved_)) return false;
    reserved_ = needed;
    return true;
}

void SpoolFile::complete(std::uint64_t size, std::string sha256)
{
    size_ = size;
    sha256_ = std::move(sha256);
    if (size < reserved_) {
        spool_->give_back(*this, reserved_ - size);
        reserved_ = size;
    }
}

Spool::Disk Spool::real_disk()
{
    return {.create = nameless, .write = [](int fd, std::uint64_t at) {
                return ::pwrite(fd, "", 1, static_cast<off_t>(at)) == 1;
            }};
}

std::shared_ptr<Spool> Spool::make(std::string folder, std::uint64_t bytes, std::uint64_t reserve_free,
                                   Disk disk)
{
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
        throw std::runtime_error{"hub: cannot create the transfer folder " + folder + ": " + cause() +
                                 ". Create its parent, or name another folder in plugins.hub.config.spool."};
    }
    if (const base::Fd probe = disk.create(folder); !probe) {
        throw std::runtime_error{
            "hub: cannot write to the transfer folder " + folder + ": " + cause() +
            ". Give it to the daemon's user with mode 0700, or name another in plugins.hub.config.spool."};
    }
    return std::shared_ptr<Spool>{new Spool{std::move(folder), bytes, reserve_free, std::move(disk)}};
}

std::shared_ptr<SpoolFile> Spool::open(std::uint64_t bytes, std::string agent, std::string caller,
                                       base::DiskTrouble& problem)
{
    const auto full = [&problem](std::string text) {
        problem = {"DISK_FULL", std::move(text)};
        return nullptr;
    };
    {
        const std::lock_guard lock{mutex_};
        if (const std::uint64_t now = free_space(agent, caller); bytes > now)
            return full("the hub's transfer folder has space for " + std::to_string(now) + " of the " +
                        std::to_string(bytes) +
                        " bytes now, for this agent and this token; try again later, or raise "
                        "plugins.hub.config.spool_bytes");
    }
    base::Fd fd = disk_.create(folder_);
    if (!fd) {
        problem = base::disk_trouble(errno, folder_, remedy);
        return nullptr;
    }
    std::shared_ptr<SpoolFile> file{
        new SpoolFile{shared_from_this(), std::move(fd), bytes, std::move(agent), std::move(caller)}};
    struct statvfs fs {};
    if (::fstatvfs(file->fd(), &fs) == 0) {
        const std::uint64_t free = std::uint64_t{fs.f_bavail} * fs.f_frsize;
        if (free < reserve_free_ || free - reserve_free_ < bytes)
            return full("the hub's disk has " + std::to_string(free) + " bytes free and keeps " +
                        std::to_string(reserve_free_) +
                        " of them; free some space, or move plugins.hub.config.spool");
    }
    if (!file->grow(0)) // taken by others in between
        return full("the hub's transfer folder is full now; try again later");
    return file;
}

base::DiskTrouble Spool::why_not_written(const SpoolFile& file, std::uint64_t landed) const
{
    if (!disk_.write(file.fd(), landed)) return base::disk_trouble(errno, folder_, remedy);
    return {"DISK_ERROR", folder_ + ": writing failed a moment ago and works again. Send the file again."};
}

std::optional<base::DiskTrouble> Spool::problem() const
{
    struct stat info {};
    if (::stat(folder_.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
        return base::DiskTrouble{
            "DISK_ERROR", folder_ +
                              ": the transfer folder is gone. Create it with mode 0700 for the daemon's "
                              "user, or " +
                              remedy + "."};
    const auto space = disk_.space(folder_);
    if (space && space->read_only) return base::disk_trouble(EROFS, folder_, remedy);
    if (::faccessat(AT_FDCWD, folder_.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
        return base::disk_trouble(errno, folder_, remedy);
    if (!space) return std::nullopt;
    if (space->bytes <= reserve_free_)
        return base::DiskTrouble{"DISK_FULL", folder_ + ": the disk has " + std::to_string(space->bytes) +
                                                  " bytes free, and plugins.hub.config.reserve_free keeps " +
                                                  std::to_string(reserve_free_) +
                                                  " of them. Free some space, or " + remedy + "."};
    if (space->inodes && *space->inodes == 0) return base::disk_trouble(ENOSPC, folder_, remedy);
    return std::nullopt;
}

std::uint64_t Spool::free_space(std::string_view agent, std::string_view caller) const
{
    return std::min(agents_.available(agent), callers_.available(caller));
}

std::uint64_t Spool::reserved() const
{
    const std::lock_guard lock{mutex_};
    return agents_.used();
}

bool Spool::take(const SpoolFile& file, std::uint64_t bytes)
{
    const std::lock_guard lock{mutex_};
    if (bytes > free_space(file.agent_, file.caller_)) return false;
    agents_.take(file.agent_, bytes);
    callers_.take(file.caller_, bytes);
    return true;
}

void Spool::give_back(const SpoolFile& file, std::uint64_t bytes)
{
    const std::lock_guard lock{mutex_};
    agents_.give_back(file.agent_, bytes);
    callers_.give_back(file.caller_, bytes);
}

} // namespace agenthost::hub
