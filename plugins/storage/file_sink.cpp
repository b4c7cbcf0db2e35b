#include "file_sink.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace agenthost::storage {

namespace {

constexpr std::uint64_t claim_step = 64ull << 20; // for a body of unknown size

} // namespace

bool FileSink::stop(Problem problem)
{
    problem_ = std::move(problem);
    return false;
}

bool FileSink::claim(std::uint64_t size)
{
    if (size <= claimed_) return true;
    if (auto shortage = space_.raise(size); !shortage.empty())
        return stop(problem::disk_full(std::move(shortage)));
    claimed_ = size;
    return true;
}

// Allocates all blocks at once: less work for the file system, and a full disk is noticed before the
// transfer.
void FileSink::allocate(std::uint64_t size)
{
    if (size <= allocated_ || ::fallocate(file_, 0, 0, static_cast<off_t>(size)) != 0)
        return; // not supported by every file system
    space_.allocated(size - allocated_);
    allocated_ = size;
}

bool FileSink::begin(std::optional<std::uint64_t> total)
{
    if (declared_.size && total && *total != *declared_.size)
        return stop(problem::network("the source has " + std::to_string(*total) + " bytes, declared were " +
                                     std::to_string(*declared_.size)));
    const auto expected = declared_.size ? declared_.size : total;
    if (!expected) return true;
    if (!claim(*expected)) return false;
    allocate(*expected);
    return true;
}

bool FileSink::write(const char* data, std::size_t size)
{
    if (declared_.size && size > *declared_.size - size_)
        return stop(problem::network("the source sends more than the declared " +
                                     std::to_string(*declared_.size) + " bytes"));
    if (size_ + size > claimed_ && !claim(std::max(size_ + size, claimed_ + claim_step)) &&
        !(problem_.reset(), claim(size_ + size)))
        return false;
    for (std::size_t at = 0; at < size;) {
        const ssize_t n = ::pwrite(file_, data + at, size - at, static_cast<off_t>(size_ + at));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return stop(problem::from_errno(errno, "writing the file"));
        at += static_cast<std::size_t>(n);
    }
    if (hashing_) hash_.update(data, size);
    size_ += size;
    if (size_ > allocated_) {
        space_.allocated(size_ - allocated_);
        allocated_ = size_;
    }
    return true;
}

bool FileSink::restart()
{
    size_ = 0;
    if (hashing_) hash_.finish();
    return true;
}

MaybeProblem FileSink::finish()
{
    if (declared_.size && size_ != *declared_.size)
        return problem::network("the source sent " + std::to_string(size_) + " bytes, declared were " +
                                std::to_string(*declared_.size));
    if (hashing_) sha256_ = base::hex(hash_.finish());
    if (!declared_.sha256.empty() && sha256_ != declared_.sha256)
        return problem::network("the content's SHA-256 is " + sha256_ + ", declared was " + declared_.sha256);
    if (allocated_ > size_ && ::ftruncate(file_, static_cast<off_t>(size_)) != 0)
        return problem::from_errno(errno, "cutting the file to its size");
    return std::nullopt;
}

} // namespace agenthost::storage
