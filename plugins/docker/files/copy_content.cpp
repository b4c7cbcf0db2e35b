#include "copy_content.hpp"

#include "descriptors.hpp"
#include "error.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace agenthost::docker::files {

namespace {

// Long enough for the disk, short enough that a cancel is noticed at once.
constexpr std::size_t piece = 1 << 20;

struct Range {
    off_t from = 0, to = 0;
};

// The next stretch of data; empty at the end. File systems without holes report one stretch.
Range next_data(int file, off_t at, off_t size)
{
    const off_t from = ::lseek(file, at, SEEK_DATA);
    if (from < 0) return errno == ENXIO ? Range{size, size} : Range{at, size};
    const off_t to = ::lseek(file, from, SEEK_HOLE);
    return {std::min(from, size), to < 0 ? size : std::min(to, size)};
}

class ContentCopy {
public:
    ContentCopy(int from, int to, const Path& path) : from_{from}, to_{to}, path_{path} {}

    // Bytes copied; 0: the source has become shorter.
    std::size_t some(off_t at, std::size_t size)
    {
        if (in_kernel_) {
            off_t in = at, out = at;
            const ssize_t n = ::copy_file_range(from_, &in, to_, &out, size, 0);
            if (n >= 0) return static_cast<std::size_t>(n);
            const bool unsupported =
                errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS;
            if (!unsupported && errno != EINTR) fail_errno(errno, path_, "cannot be copied");
            in_kernel_ = errno == EINTR;
        }
        buffer_.resize(piece);
        const ssize_t n = ::pread(from_, buffer_.data(), std::min(size, buffer_.size()), at);
        if (n < 0) fail_errno(errno, path_, "cannot be read");
        for (ssize_t done = 0; done < n;) {
            const ssize_t w =
                ::pwrite(to_, buffer_.data() + done, static_cast<std::size_t>(n - done), at + done);
            if (w < 0 && errno != EINTR) fail_errno(errno, path_, "cannot be copied");
            done += std::max<ssize_t>(w, 0);
        }
        return static_cast<std::size_t>(n);
    }

private:
    int from_, to_;
    const Path& path_;
    bool in_kernel_ = true;
    std::vector<char> buffer_;
};

} // namespace

std::uint64_t copy_content(int from, int to, const Path& path, const ContentLimits& limits, Control& control)
{
    struct stat info {};
    if (::fstat(from, &info) != 0) fail_errno(errno, path, "cannot be read");
    const off_t size = info.st_size;
    ContentCopy copy{from, to, path};
    std::uint64_t copied = 0;
    for (off_t at = 0; at < size;) {
        const Range data = next_data(from, at, size);
        at = data.from;
        while (at < data.to) {
            const auto wanted = static_cast<std::size_t>(std::min<off_t>(piece, data.to - at));
            if (wanted > limits.max - copied)
                fail_at("TOO_LARGE", path,
                        "the copy has more bytes than one copy may have. Copy smaller parts.");
            limits.claim.raise(limits.before + copied + wanted);
            const std::size_t n = copy.some(at, wanted);
            control.bytes(n);
            if (n == 0) return copied; // the server truncated it
            copied += n;
            at += static_cast<off_t>(n);
        }
    }
    if (::ftruncate(to, size) != 0) fail_errno(errno, path, "cannot be copied");
    return copied;
}

} // namespace agenthost::docker::files
