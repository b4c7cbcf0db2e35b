#include "archive.hpp"
#include "archive_library.hpp"
#include "error.hpp"
#include "part.hpp"
#include "tree_walk.hpp"
#include "write.hpp"

#include "base/glob.hpp"
#include "base/utf8.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <exception>
#include <utility>

namespace agenthost::docker::files {

namespace {

constexpr std::size_t piece = 256 << 10;
constexpr std::size_t max_depth = 128, max_reports = 20;

// An archive that is being written into a Writer. libarchive is C: an exception of the Writer is stored and
// rethrown on this side of it.
class Packer {
public:
    Packer(Writer& out, ArchiveFormat format, const Path& target) : out_{out}, target_{target}
    {
        archive_.reset(::archive_write_new());
        entry_.reset(::archive_entry_new());
        if (!archive_ || !entry_) throw std::bad_alloc{};
        // gnutar keeps names as bytes; pax would convert them.
        const bool zip = format == ArchiveFormat::zip;
        check(zip ? ::archive_write_set_format_zip(archive_.get())
                  : ::archive_write_set_format_gnutar(archive_.get()));
        if (format == ArchiveFormat::tar_gz) check(::archive_write_add_filter_gzip(archive_.get()));
        check(::archive_write_open(archive_.get(), this, nullptr, &Packer::on_bytes, nullptr));
    }
    Packer(const Packer&) = delete;
    Packer& operator=(const Packer&) = delete;
    ~Packer()
    {
        // An archive that is not complete must not be finished in the Writer. Its callback fails instead of
        // archive_write_fail(), after which libarchive does not free the compressor.
        abandoned_ = true;
        archive_.reset();
    }

    void header(const std::string& name, const struct stat& info, const char* link)
    {
        archive_entry* entry = entry_.get();
        ::archive_entry_clear(entry);
        ::archive_entry_set_pathname(entry, name.c_str());
        ::archive_entry_set_filetype(entry, info.st_mode & S_IFMT);
        ::archive_entry_set_perm(entry, info.st_mode & 0777);
        ::archive_entry_set_mtime(entry, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
        ::archive_entry_set_size(entry, S_ISREG(info.st_mode) ? info.st_size : 0);
        if (link != nullptr) ::archive_entry_set_symlink(entry, link);
        // Under a UTF-8 locale the zip writer marks every name that is not ASCII as UTF-8, and readers refuse
        // those that are not. Under "C" it writes the bytes as they are.
        const bool utf8 = base::utf8_valid_prefix(name) == name.size();
        const locale_t before = utf8 ? nullptr : ::uselocale(plain_locale_.get());
        const int result = ::archive_write_header(archive_.get(), entry);
        if (before != nullptr) ::uselocale(before);
        check(result);
    }
    void data(const char* bytes, std::size_t size)
    {
        while (size > 0) {
            const la_ssize_t n = ::archive_write_data(archive_.get(), bytes, size);
            if (n <= 0) check(ARCHIVE_FATAL);
            bytes += n;
            size -= static_cast<std::size_t>(n);
        }
    }
    void end_entry() { check(::archive_write_finish_entry(archive_.get())); }
    void close() { check(::archive_write_close(archive_.get())); }

private:
    static la_ssize_t on_bytes(archive* a, void* self, const void* bytes, std::size_t size)
    {
        auto& packer = *static_cast<Packer*>(self);
        if (packer.error_ || packer.abandoned_) return -1;
        try {
            packer.out_.write({static_cast<const char*>(bytes), size});
            return static_cast<la_ssize_t>(size);
        } catch (...) {
            packer.error_ = std::current_exception();
            ::archive_set_error(a, EIO, "the archive cannot be written");
            return -1;
        }
    }
    void check(int result)
    {
        if (error_) std::rethrow_exception(error_);
        if (result == ARCHIVE_OK || result == ARCHIVE_WARN) return;
        fail_at("INTERNAL", target_,
                "cannot be packed: " + archive_message(archive_.get()) + ". Try the other format.");
    }

    Writer& out_;
    const Path& target_;
    ArchiveWriter archive_;
    ArchiveEntry entry_;
    PlainLocale plain_locale_;
    std::exception_ptr error_;
    bool abandoned_ = false;
};

// One call of pack().
class Pack {
public:
    Pack(const Root& root, Packer& packer, const struct stat& own, const Path& base,
         const PackOptions& options, Control& control)
        : root_{root}, packer_{packer}, own_{own}, base_{base}, options_{options}, control_{control},
          buffer_(piece)
    {}

    void source(const Path& path)
    {
        const std::string name = below_base(path);
        const base::Fd parent = root_.open_folder(path.parent());
        real_ = root_.real_path(parent.get(), path.parent());
        if (!path.is_root()) real_ = real_.child(path.name());
        root_.check_denied(real_);
        struct stat info {};
        const std::string last = path.is_root() ? "." : path.name();
        if (::fstatat(parent.get(), last.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
            fail_errno(errno, path, "cannot be packed");
        if (!name.empty() && excluded(path.name(), name)) return;
        if (!S_ISDIR(info.st_mode)) {
            if (name.empty())
                fail_at("INVALID_REQUEST", path, "is not a folder. Name its folder as the base.");
            other(parent.get(), last, name, info);
            return;
        }
        base::Fd folder{open_folder(parent.get(), last.c_str())};
        if (!folder) fail_errno(errno, path, "cannot be packed");
        if (!name.empty()) add_folder(name, info);
        tree(std::move(folder), path, name);
    }
    Packed& packed() { return packed_; }

private:
    std::string below_base(const Path& path) const
    {
        if (!base_.contains(path))
            fail_at("INVALID_REQUEST", path,
                    "is not inside " + base_.shown() + ". Name files of that folder.");
        if (path == base_) return {};
        return base_.is_root() ? path.bytes() : path.bytes().substr(base_.bytes().size() + 1);
    }

    void tree(base::Fd folder, const Path& path, const std::string& name)
    {
        std::string prefix = name.empty() ? "" : name + "/";
        TreeWalk walk{std::move(folder)};
        while (const auto* at = walk.next()) {
            if (walk.lost() > 0) fail_moving(path);
            switch (at->step) {
            case TreeWalk::Step::enter:
                if (is_own_part(at->name) || excluded(at->name, prefix + at->name) ||
                    denied(prefix + at->name, name)) {
                    walk.skip();
                    break;
                }
                if (at->depth >= max_depth)
                    fail_at("TOO_LARGE", path, "has more than 128 levels of folders. Pack a part of it.");
                prefix += at->name;
                add_folder(prefix, at->info);
                prefix += '/';
                break;
            case TreeWalk::Step::leave: prefix.resize(prefix.size() - at->name.size() - 1); break;
            case TreeWalk::Step::unreadable:
                if (denied(prefix + at->name, name)) break;
                fail_errno(at->error, path, "has a folder that cannot be read");
            case TreeWalk::Step::file:
                if (!is_own_part(at->name) && !excluded(at->name, prefix + at->name) &&
                    !denied(prefix + at->name, name))
                    other(at->folder, at->name, prefix + at->name, at->info);
                break;
            }
        }
        if (walk.lost() > 0) fail_moving(path);
    }

    [[noreturn]] static void fail_moving(const Path& path)
    {
        fail_at("BUSY", path,
                "the server moved its folders while they were packed. Stop the server, then try again.");
    }

    [[nodiscard]] bool excluded(const std::string& name, const std::string& path) const
    {
        return std::any_of(options_.exclude.begin(), options_.exclude.end(), [&](const std::string& pattern) {
            return base::glob_matches(pattern, name) || base::glob_matches(pattern, path);
        });
    }

    // Left out and reported. `name` is inside the source, whose name is `source`; both below the base.
    bool denied(const std::string& name, const std::string& source)
    {
        if (!root_.denylist().covers(real_.bytes() + "/" + name.substr(source.size()))) return false;
        ++packed_.left_out;
        report(escape_name(name) + " is forbidden by the egg's file_denylist");
        return true;
    }

    void add_folder(const std::string& name, const struct stat& info)
    {
        count();
        packer_.header(name + "/", info, nullptr);
        packer_.end_entry();
    }

    void other(int folder, const std::string& entry, const std::string& name, const struct stat& info)
    {
        if (S_ISREG(info.st_mode)) return file(folder, entry, name);
        if (!S_ISLNK(info.st_mode)) {
            ++packed_.left_out;
            return;
        }
        std::array<char, PATH_MAX> text{};
        const ssize_t n = ::readlinkat(folder, entry.c_str(), text.data(), text.size() - 1);
        if (n <= 0) {
            ++packed_.left_out;
            return;
        }
        count();
        packer_.header(name, info, text.data());
        packer_.end_entry();
    }

    void report(std::string text)
    {
        if (packed_.reports.size() < max_reports) packed_.reports.push_back(std::move(text));
    }

    static bool changed_since(int file, const struct stat& before)
    {
        struct stat now {};
        return ::fstat(file, &now) != 0 || now.st_size != before.st_size ||
               now.st_mtim.tv_sec != before.st_mtim.tv_sec || now.st_mtim.tv_nsec != before.st_mtim.tv_nsec;
    }

    void file(int folder, const std::string& entry, const std::string& name)
    {
        const base::Fd file{open_regular_name(folder, entry.c_str(), O_RDONLY)};
        struct stat info {};
        if (!file || ::fstat(file.get(), &info) != 0) {
            if (errno == EACCES || errno == EPERM)
                fail("DENIED",
                     escape_name(name) + ": cannot be read: permission denied. Change its mode with chmod.");
            ++packed_.left_out;
            return;
        }
        if (info.st_ino == own_.st_ino && info.st_dev == own_.st_dev) return;
        count();
        const auto size = static_cast<std::uint64_t>(info.st_size);
        if (size > options_.max_bytes - packed_.bytes)
            fail("TOO_LARGE", escape_name(name) + ": the files have more than " +
                                  std::to_string(options_.max_bytes) + " bytes. Pack fewer files.");
        packer_.header(name, info, nullptr);
        std::uint64_t left = size;
        while (left > 0) {
            const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer_.size()));
            const ssize_t n = ::read(file.get(), buffer_.data(), wanted);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0)
                fail("DISK_ERROR", escape_name(name) + ": cannot be read. Check the disk of the machine.");
            if (n == 0) break;
            packer_.data(buffer_.data(), static_cast<std::size_t>(n));
            control_.bytes(static_cast<std::uint64_t>(n));
            packed_.bytes += static_cast<std::uint64_t>(n);
            left -= static_cast<std::uint64_t>(n);
        }
        if (left > 0 || changed_since(file.get(), info)) {
            ++packed_.changed;
            report(escape_name(name) + " changed while it was packed");
        }
        packer_.end_entry();
    }

    void count()
    {
        control_.entry();
        if (++packed_.entries > options_.max_entries)
            fail("TOO_LARGE", "there are more than " + std::to_string(options_.max_entries) +
                                  " entries to pack. Pack fewer files.");
    }

    const Root& root_;
    Packer& packer_;
    const struct stat own_;
    const Path& base_;
    const PackOptions& options_;
    Control& control_;
    std::vector<char> buffer_;
    Path real_; // of the source that is being packed, without links
    Packed packed_;
};

} // namespace

std::optional<ArchiveFormat> archive_format_of(std::string_view name)
{
    if (name.ends_with(".tar.gz") || name.ends_with(".tgz")) return ArchiveFormat::tar_gz;
    if (name.ends_with(".tar")) return ArchiveFormat::tar;
    if (name.ends_with(".zip")) return ArchiveFormat::zip;
    return std::nullopt;
}

Packed pack(const Root& root, const Path& base, const std::vector<Path>& sources, const Path& target,
            const PackOptions& options, Control& control)
{
    if (sources.empty())
        fail_at("INVALID_REQUEST", base, "there is nothing to pack. Name at least one file.");
    const Utf8Locale locale;
    WriteOptions write;
    write.mode = 0644;
    write.replace = options.replace;
    Writer out{root, target, write};
    Packer packer{out, options.format, target};
    Pack packing{root, packer, out.info(), base, options, control};
    for (const Path& source : sources) packing.source(source);
    packer.close();
    packing.packed().size = out.commit();
    return packing.packed();
}

} // namespace agenthost::docker::files
