#include "follow.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

namespace agenthost::telemetry {

namespace {

constexpr std::size_t hashed = 64;

std::uint64_t fnv1a(std::string_view bytes) // not cryptographic: only distinguishes files
{
    std::uint64_t hash = 14695981039346656037ull;
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    return hash;
}

ssize_t pread_some(int fd, char* to, std::size_t size, std::uint64_t offset)
{
    ssize_t got = -1;
    do got = ::pread(fd, to, size, static_cast<off_t>(offset));
    while (got < 0 && errno == EINTR);
    return got;
}

std::int64_t changed_ns(const struct stat& info)
{
    return static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec;
}

} // namespace

std::uint64_t Follower::hash_before(std::uint64_t offset) const
{
    std::array<char, hashed> bytes{};
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(offset, bytes.size()));
    const auto got = size == 0 ? 0 : pread_some(file_.get(), bytes.data(), size, offset - size);
    return fnv1a({bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))});
}

void Follower::begin_at(std::uint64_t offset)
{
    splitter_.forget();
    offset_ = offset;
    before_ = hash_before(offset);
}

bool Follower::open_new()
{
    // O_NONBLOCK: a FIFO at this path must not block us.
    base::Fd file{::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    struct stat info {};
    if (!file || ::fstat(file.get(), &info) != 0) {
        const int error = errno;
        problem_ =
            "log file " + path_ + ": " + std::strerror(error) +
            (error == EACCES ? ". Let the daemon's user read it (group adm reads most of /var/log)."
             : error == ENOENT
                 ? ". The plugin waits for it; check plugins.telemetry.config.logs if the name is wrong."
                 : ".");
        met_ = met_ || error == ENOENT; // a file created later is read from its start
        if (error == ENOENT) saved_.reset();
        return false;
    }
    if (!S_ISREG(info.st_mode)) {
        problem_ =
            "log file " + path_ + " is not a regular file. Name a file in plugins.telemetry.config.logs.";
        return false;
    }
    problem_.clear();
    file_ = std::move(file);
    device_ = info.st_dev;
    inode_ = info.st_ino;
    const auto size = static_cast<std::uint64_t>(info.st_size);
    if (saved_) {
        const bool same = saved_->device == device_ && saved_->inode == inode_ && saved_->offset <= size &&
                          hash_before(saved_->offset) == saved_->before;
        begin_at(same ? saved_->offset : 0);
        saved_.reset();
    } else {
        std::uint64_t at = met_ ? 0 : size;
        // If this is in the middle of a line, skip the rest of that line.
        char last = '\n';
        if (at > 0 && pread_some(file_.get(), &last, 1, at - 1) == 1 && last != '\n') {
            std::vector<char> tail(static_cast<std::size_t>(std::min<std::uint64_t>(at, Splitter::max_line)));
            const auto got = pread_some(file_.get(), tail.data(), tail.size(), at - tail.size());
            const auto newline = std::find(tail.rbegin(), tail.rend(), '\n');
            if (got == static_cast<ssize_t>(tail.size()) && newline != tail.rend())
                at -= static_cast<std::uint64_t>(newline - tail.rbegin());
        }
        begin_at(at);
    }
    met_ = true;
    checked_size_ = 0;
    checked_time_ = 0;
    return true;
}

Follower::Path Follower::path_now() const
{
    struct stat info {};
    if (::stat(path_.c_str(), &info) != 0) return errno == ENOENT ? Path::missing : Path::same;
    return info.st_dev == device_ && info.st_ino == inode_ ? Path::same : Path::other;
}

// True if there were new bytes, even without a complete line.
bool Follower::read(const Splitter::Take& take)
{
    struct stat info {};
    if (::fstat(file_.get(), &info) != 0) return false;
    const auto size = static_cast<std::uint64_t>(info.st_size);
    auto at = offset_ + splitter_.pending();
    const auto changed = changed_ns(info);
    if (size < at) {
        begin_at(0); // truncated
    } else if (size != checked_size_ || changed != checked_time_) {
        if (hash_before(offset_) != before_) begin_at(0); // truncated, and longer again already
    }
    checked_size_ = size;
    checked_time_ = changed;
    at = offset_ + splitter_.pending();
    if (size == at) return false;
    if (size - at > max_behind) {
        const auto jump = size - step;
        skipped_ += jump - at;
        begin_at(jump);
        at = jump;
    }
    std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(size - at, step)), '\0');
    const auto got = pread_some(file_.get(), bytes.data(), bytes.size(), at);
    if (got <= 0) return false;
    splitter_.feed({bytes.data(), static_cast<std::size_t>(got)}, take);
    const auto whole = at + static_cast<std::uint64_t>(got) - splitter_.pending();
    if (whole != offset_) {
        offset_ = whole;
        before_ = hash_before(offset_);
    }
    return true;
}

void Follower::poll(const Splitter::Take& take)
{
    if (!file_) {
        if (open_new()) read(take);
        return;
    }
    quiet_ = read(take) ? 0 : quiet_ + 1;
    const Path now = path_now();
    gone_ = now == Path::same ? 0 : gone_ + 1;
    if (now == Path::same) quiet_ = 0;
    const bool over = now == Path::other ? quiet_ >= linger || gone_ >= max_linger
                                         : now == Path::missing && quiet_ >= linger_missing;
    if (!over) return;
    splitter_.feed("\n", take); // its last line may lack a line end
    file_.reset();
    quiet_ = gone_ = 0;
    if (open_new()) read(take);
}

std::optional<FilePosition> Follower::position() const
{
    if (!file_) return saved_;
    return FilePosition{.device = device_, .inode = inode_, .offset = offset_, .before = before_};
}

} // namespace agenthost::telemetry
