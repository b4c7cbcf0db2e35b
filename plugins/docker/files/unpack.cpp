#include "archive.hpp"
#include "archive_library.hpp"
#include "change.hpp"
#include "error.hpp"
#include "merge.hpp"
#include "part.hpp"
#include "remove.hpp"
#include "unpack_entries.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>
#include <vector>

namespace agenthost::docker::files {

namespace {

constexpr std::size_t block = 128 << 10;

// The archive's file as libarchive reads it. Its callbacks throw nothing.
class Source {
public:
    Source(base::Fd file, std::uint64_t size, Control& control)
        : file_{std::move(file)}, size_{static_cast<std::int64_t>(size)}, control_{control}, buffer_(block)
    {}

    void open(archive* a, const Path& path)
    {
        ::archive_read_set_callback_data(a, this);
        ::archive_read_set_read_callback(a, &Source::on_read);
        ::archive_read_set_skip_callback(a, &Source::on_skip);
        ::archive_read_set_seek_callback(a, &Source::on_seek);
        if (::archive_read_open1(a) == ARCHIVE_OK) return;
        check();
        fail_at("INVALID_REQUEST", path,
                "cannot be read as an archive: " + archive_message(a) +
                    ". Use .tar, .tar.gz, .tar.bz2, .tar.xz, .tar.zst, .zip or .7z.");
    }
    // Throws CANCELLED when a callback noticed it.
    void check() { control_.check(); }

private:
    static la_ssize_t on_read(archive* a, void* self, const void** to)
    {
        auto& source = *static_cast<Source*>(self);
        try {
            source.control_.check();
        } catch (const Error&) {
            ::archive_set_error(a, ECANCELED, "cancelled");
            return -1;
        }
        for (;;) {
            const ssize_t n =
                ::pread(source.file_.get(), source.buffer_.data(), source.buffer_.size(), source.at_);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) ::archive_set_error(a, errno, "the archive's file cannot be read");
            if (n > 0) source.at_ += n;
            *to = source.buffer_.data();
            return n;
        }
    }
    static la_int64_t on_skip(archive*, void* self, la_int64_t wanted)
    {
        auto& source = *static_cast<Source*>(self);
        const la_int64_t left = std::max<la_int64_t>(0, source.size_ - source.at_);
        const la_int64_t skipped = std::clamp<la_int64_t>(wanted, 0, left);
        source.at_ += skipped;
        return skipped;
    }
    static la_int64_t on_seek(archive*, void* self, la_int64_t offset, int whence)
    {
        auto& source = *static_cast<Source*>(self);
        const la_int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? source.at_ : source.size_;
        la_int64_t to = 0;
        if (__builtin_add_overflow(from, offset, &to) || to < 0) return ARCHIVE_FATAL;
        source.at_ = to;
        return to;
    }

    base::Fd file_;
    std::int64_t size_, at_ = 0;
    Control& control_;
    std::vector<char> buffer_;
};

// Only formats that are needed: mtree would read other files, rar and the rest are large attack surfaces. A
// filter that this build of libarchive lacks would start a program (xz, zstd), so its library is asked for
// first.
void support_formats(archive* a)
{
    ::archive_read_support_format_tar(a);
    ::archive_read_support_format_zip(a);
    ::archive_read_support_format_7zip(a);
    if (::archive_zlib_version() != nullptr) ::archive_read_support_filter_gzip(a);
    if (::archive_bzlib_version() != nullptr) ::archive_read_support_filter_bzip2(a);
    if (::archive_liblzma_version() != nullptr) ::archive_read_support_filter_xz(a);
    if (::archive_libzstd_version() != nullptr) ::archive_read_support_filter_zstd(a);
    if (::archive_liblz4_version() != nullptr) ::archive_read_support_filter_lz4(a);
}

void read_entries(archive* a, Source& source, const Path& path, UnpackEntries& entries)
{
    for (;;) {
        archive_entry* entry = nullptr;
        const int result = ::archive_read_next_header(a, &entry);
        if (result == ARCHIVE_EOF) return;
        source.check();
        if (result == ARCHIVE_RETRY) continue;
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
            fail_at("INVALID_REQUEST", path,
                    "is damaged or of an unknown kind: " + archive_message(a) + ". Nothing was unpacked.");
        try {
            entries.take(a, entry);
        } catch (const Error&) {
            source.check(); // a cancel looks like a damaged archive to libarchive
            throw;
        }
    }
}

// The temporary folder; its destructor deletes it with whatever is in it.
class Staging {
public:
    Staging(int folder, const Path& target) : folder_{folder}
    {
        fd_.reset(create_part_folder(folder, name_));
        if (fd_) return;
        const int error = errno;
        ::unlinkat(folder, name_.c_str(), AT_REMOVEDIR);
        fail_errno(error, target, "cannot be unpacked");
    }
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;
    ~Staging() { discard(folder_, name_); }
    [[nodiscard]] int fd() const { return fd_.get(); }

private:
    int folder_;
    std::string name_;
    base::Fd fd_;
};

void put_in_place(const Root& root, int staging, const Path& archive, const Path& target, bool replace,
                  Control& control)
{
    make_folder(root, target, {.parents = true});
    const base::Fd to = root.open_folder_for_change(target);
    const Path conflict = merge_conflict(staging, to.get(), target, replace, control);
    if (!conflict.is_root())
        fail_at("INVALID_REQUEST", conflict,
                "is in the way of " + archive.shown() +
                    ". Nothing was unpacked; delete it, or unpack into another folder.");
    std::uint64_t moved = 0;
    try {
        merge_folders(staging, to.get(), target, replace, control, moved);
    } catch (const Error& error) {
        fail(error.code(), std::string{error.what()} + " A part is in place: " + std::to_string(moved) +
                               " files or folders of the archive. Unpack again to complete it.");
    }
}

} // namespace

Unpacked unpack(const Root& root, const Path& path, const Path& target, const UnpackOptions& options,
                Control& control)
{
    base::Fd file = root.open_file(path);
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) fail_errno(errno, path, "cannot be read");
    const auto size = static_cast<std::uint64_t>(info.st_size);

    const Utf8Locale locale;
    const ArchiveReader reader{::archive_read_new()};
    if (!reader) throw std::bad_alloc{};
    support_formats(reader.get());
    Source source{std::move(file), size, control};
    source.open(reader.get(), path);

    // In the server's folder itself, so that the target's parents need not exist yet and a rename is always
    // possible.
    const Staging staging{root.fd(), target};
    UnpackEntries entries{root, staging.fd(), path, target, size, options, control};
    read_entries(reader.get(), source, path, entries);
    put_in_place(root, staging.fd(), path, target, options.replace, control);
    entries.settle();
    return entries.unpacked();
}

} // namespace agenthost::docker::files
