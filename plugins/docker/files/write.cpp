#include "write.hpp"

#include "change.hpp"
#include "error.hpp"
#include "part.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace agenthost::docker::files {

namespace {

constexpr mode_t default_mode = 0644;

} // namespace

mode_t checked_mode(mode_t mode, const Path& path)
{
    if ((mode & ~mode_t{0777}) != 0)
        fail_at(
            "INVALID_REQUEST", path,
            "a mode has permission bits only, at most 0777; set-uid, set-gid and sticky are not allowed.");
    return mode;
}

Writer::Writer(const Root& root, Path path, WriteOptions options)
    : root_{root}, path_{std::move(path)}, options_{options}, claim_{root.limit()}
{
    if (path_.is_root()) fail_at("INVALID_REQUEST", path_, "is the server's folder. Name a file in it.");
    root_.check_denied(path_);
    if (options_.mode) checked_mode(*options_.mode, path_);
    if (options_.declared_size) expect(*options_.declared_size);
    if (options_.make_parents) make_folder(root_, path_.parent(), {.parents = true});
    folder_ = root_.open_folder_for_change(path_.parent());
    check_target();
    file_.reset(create_part(folder_.get(), part_));
    if (!file_) {
        part_.clear();
        fail_errno(errno, path_, "cannot be written");
    }
}

Writer::~Writer()
{
    if (!part_.empty()) ::unlinkat(folder_.get(), part_.c_str(), 0);
}

void Writer::check_target()
{
    struct stat info {};
    if (::fstatat(folder_.get(), path_.name().c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT) fail_errno(errno, path_, "cannot be written");
        return;
    }
    if (S_ISLNK(info.st_mode))
        fail_at("DENIED", path_,
                "is a symbolic link. Write the file it points to, or delete the link first.");
    if (S_ISDIR(info.st_mode)) fail_at("INVALID_REQUEST", path_, "is a folder. Name a file.");
    if (!S_ISREG(info.st_mode))
        fail_at("DENIED", path_, "is a FIFO, socket or device, not a regular file. Delete it first.");
    if (!options_.replace) fail_errno(EEXIST, path_, "cannot be written");
    old_mode_ = info.st_mode & 0777;
    replaced_ = info.st_nlink == 1 ? static_cast<std::uint64_t>(info.st_blocks) * 512 : 0;
}

void Writer::expect(std::uint64_t size)
{
    if (size > options_.max_size)
        fail_at("TOO_LARGE", path_,
                "the content is larger than the limit of " + std::to_string(options_.max_size) + " bytes.");
    claim_.raise(size);
}

void Writer::write(std::string_view bytes)
{
    expect(size_ + bytes.size());
    if (const int error = write_file_bytes(file_.get(), bytes.data(), bytes.size()); error != 0)
        fail_errno(error, path_, "cannot be written");
    size_ += bytes.size();
}

void Writer::restart()
{
    if (::ftruncate(file_.get(), 0) != 0 || ::lseek(file_.get(), 0, SEEK_SET) != 0)
        fail_errno(errno, path_, "cannot be written");
    size_ = 0;
}

struct stat Writer::info() const
{
    struct stat info {};
    ::fstat(file_.get(), &info);
    return info;
}

std::uint64_t Writer::commit()
{
    if (options_.declared_size && *options_.declared_size != size_)
        fail_at("INVALID_REQUEST", path_,
                "the content has " + std::to_string(size_) + " bytes instead of the declared " +
                    std::to_string(*options_.declared_size) + ". Nothing was changed; send it again.");
    root_.give(file_.get(), path_);
    if (::fchmod(file_.get(), options_.mode.value_or(old_mode_.value_or(default_mode))) != 0)
        fail_errno(errno, path_, "cannot get its mode");
    if (::fsync(file_.get()) != 0) fail_errno(errno, path_, "cannot be written");
    check_target();
    const std::string name = path_.name();
    if (const int error =
            rename_entry(folder_.get(), part_.c_str(), folder_.get(), name.c_str(), options_.replace);
        error != 0) {
        if (error == ENOENT)
            fail_at("BUSY", path_, "the server removed the unfinished file or its folder. Send it again.");
        fail_errno(error, path_, "cannot be written");
    }
    part_.clear();
    claim_.settle(size_);
    root_.limit().freed(replaced_);
    if (::fsync(folder_.get()) != 0) fail_errno(errno, path_, "may be lost in a power cut");
    return size_;
}

std::uint64_t write_file(const Root& root, const Path& path, std::string_view content,
                         const WriteOptions& given)
{
    WriteOptions options = given;
    options.declared_size = content.size();
    Writer writer{root, path, options};
    writer.write(content);
    return writer.commit();
}

} // namespace agenthost::docker::files
