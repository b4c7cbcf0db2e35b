#include "read.hpp"

#include "error.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace agenthost::docker::files {

namespace {

struct stat info_of(int file, const Path& path)
{
    struct stat info {};
    if (::fstat(file, &info) != 0) fail_errno(errno, path, "cannot be read");
    return info;
}

std::size_t read_at(int file, char* to, std::size_t size, std::uint64_t offset, const Path& path)
{
    std::size_t done = 0;
    while (done < size) {
        const ssize_t n = ::pread(file, to + done, size - done, static_cast<off_t>(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail_errno(errno, path, "cannot be read");
        if (n == 0) break;
        done += static_cast<std::size_t>(n);
    }
    return done;
}

} // namespace

Content read_part(const Root& root, const Path& path, std::uint64_t offset, std::size_t length)
{
    if (length > max_read_bytes)
        fail_at("INVALID_REQUEST", path,
                "one answer has at most 512 KiB. Ask for a shorter part, or transfer the file.");
    const base::Fd file = root.open_file(path);
    const struct stat info = info_of(file.get(), path);
    Content content;
    content.offset = offset;
    content.size = static_cast<std::uint64_t>(info.st_size);
    content.modified_ms =
        static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1000 + info.st_mtim.tv_nsec / 1'000'000;
    content.mode = info.st_mode & 07777;
    if (offset >= content.size) return content;
    content.bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(length, content.size - offset)));
    content.bytes.resize(read_at(file.get(), content.bytes.data(), content.bytes.size(), offset, path));
    return content;
}

std::string read_whole(const Root& root, const Path& path, std::size_t max)
{
    const base::Fd file = root.open_file(path);
    const struct stat info = info_of(file.get(), path);
    if (static_cast<std::uint64_t>(info.st_size) > max)
        fail_at("TOO_LARGE", path,
                "has " + std::to_string(info.st_size) + " bytes, more than the limit of " +
                    std::to_string(max) + ". Use a smaller file.");
    std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
    bytes.resize(read_at(file.get(), bytes.data(), bytes.size(), 0, path));
    return bytes;
}

Reader::Reader(const Root& root, const Path& path) : path_{path}, file_{root.open_file(path)}
{
    size_ = static_cast<std::uint64_t>(info_of(file_.get(), path).st_size);
}

std::size_t Reader::read(char* to, std::size_t size)
{
    if (at_ >= size_) return 0;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size, size_ - at_));
    const std::size_t n = read_at(file_.get(), to, wanted, at_, path_);
    at_ += n;
    return n;
}

} // namespace agenthost::docker::files
