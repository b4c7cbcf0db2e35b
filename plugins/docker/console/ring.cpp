#include "ring.hpp"

#include "block.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace agenthost::docker::console {

namespace {

constexpr const char* suffix = ".console";
constexpr std::uint64_t files = 4;

std::string failed(const char* what, const std::filesystem::path& path, int error)
{
    return std::string{what} + " " + path.string() + ": " + std::strerror(error);
}

std::string read_bytes(const std::filesystem::path& path, std::uint64_t max)
{
    std::string out;
    const base::Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    struct stat info {};
    if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return out;
    out.resize(std::min<std::uint64_t>(static_cast<std::uint64_t>(info.st_size), max));
    std::size_t at = 0;
    while (at < out.size()) {
        const ssize_t n = ::pread(file.get(), out.data() + at, out.size() - at, static_cast<off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        at += static_cast<std::size_t>(n);
    }
    out.resize(at);
    return out;
}

// Larger ones are not ours: a message of the log is at most 1 MiB.
constexpr std::uint64_t max_file = 8 * 1024 * 1024;

std::string file_name(std::uint64_t first)
{
    char name[32];
    std::snprintf(name, sizeof name, "%020llu%s", static_cast<unsigned long long>(first), suffix);
    return name;
}

} // namespace

std::unique_ptr<Ring> Ring::open(std::filesystem::path folder, std::string& why, std::uint64_t max_bytes)
{
    std::unique_ptr<Ring> ring{new Ring{std::move(folder), max_bytes}};
    if (!ring->load(why)) return nullptr;
    return ring;
}

bool Ring::load(std::string& why)
{
    std::error_code error;
    std::filesystem::create_directories(folder_.parent_path(), error);
    if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) {
        why = failed("cannot create the console's folder", folder_, errno);
        return false;
    }
    std::vector<std::filesystem::path> paths;
    for (std::filesystem::directory_iterator at{folder_, error}, end; !error && at != end;
         at.increment(error))
        if (at->path().extension() == suffix) paths.push_back(at->path());
    if (error) {
        why = failed("cannot read the console's folder", folder_, error.value());
        return false;
    }
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths)
        if (!load_file(path, path == paths.back())) std::filesystem::remove(path, error);
    return true;
}

// False: nothing in it is usable.
bool Ring::load_file(const std::filesystem::path& path, bool last)
{
    const std::string bytes = read_bytes(path, max_file);
    BlockReader reader{bytes};
    const auto start = reader.next();
    const auto before = start ? read_start(*start) : std::nullopt;
    if (!before || path.filename() != file_name(before->next)) return false;
    Marker marker{*before};
    std::uint64_t good = reader.good();
    for (auto block = reader.next(); block && block->first == marker.next(); block = reader.next()) {
        while (const auto item = unpack(block->body)) marker.add(*item);
        good = reader.good();
    }
    mark_ = marker.mark();
    files_.push_back({path, before->next, mark_.next, good});
    if (!last) return true;
    newest_ = base::Fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (newest_ && ::ftruncate(newest_.get(), static_cast<off_t>(good)) != 0) newest_.reset();
    return true;
}

bool Ring::append(const Batch& batch, std::string& why)
{
    if (batch.packed.empty()) return true;
    const std::string block =
        write_block({Block::Kind::entries, batch.before.next, batch.entries, batch.packed});
    const bool fits = newest_ && !files_.empty() && files_.back().size + block.size() <= max_bytes_ / files;
    if (!fits && !begin_file(batch.before, block.size(), why)) return false;
    if (!write(block, why)) {
        // The incomplete block is cut off, or ignored because of its checksum. The next file begins with a
        // complete mark, so what is missing here is not read again as new.
        if (::ftruncate(newest_.get(), static_cast<off_t>(files_.back().size)) != 0)
            why += " (and the file cannot be truncated)";
        newest_.reset();
        return false;
    }
    files_.back().size += block.size();
    files_.back().next = batch.before.next + batch.entries;
    mark_.next = files_.back().next;
    return true;
}

bool Ring::begin_file(const Mark& before, std::uint64_t coming, std::string& why)
{
    const std::string start = write_start(before);
    // The new file may become as large as the others.
    const std::uint64_t space = std::max(coming + start.size(), max_bytes_ / files);
    std::uint64_t used = 0;
    for (const File& file : files_) used += file.size;
    while (!files_.empty() && used + space > max_bytes_) {
        ::unlink(files_.front().path.c_str());
        used -= files_.front().size;
        files_.pop_front();
    }
    const auto path = folder_ / file_name(before.next);
    if (!files_.empty() && files_.back().path == path) files_.pop_back(); // it has no entry
    newest_ = base::Fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!newest_) {
        why = failed("cannot create the console's file", path, errno);
        return false;
    }
    files_.push_back({path, before.next, before.next, 0});
    if (!write(start, why)) {
        ::unlink(path.c_str());
        files_.pop_back();
        newest_.reset();
        return false;
    }
    files_.back().size = start.size();
    return true;
}

// At the end of the valid blocks.
bool Ring::write(const std::string& block, std::string& why)
{
    std::size_t done = 0;
    while (done < block.size()) {
        const auto at = static_cast<off_t>(files_.back().size + done);
        const ssize_t n = ::pwrite(newest_.get(), block.data() + done, block.size() - done, at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            why = failed("cannot write the console's file", files_.back().path, n < 0 ? errno : EIO);
            return false;
        }
        done += static_cast<std::size_t>(n);
    }
    return true;
}

void Ring::each(std::uint64_t from, const Visit& visit) const
{
    for (const File& file : files_) {
        if (file.next <= from) continue;
        const std::string bytes = read_bytes(file.path, file.size);
        BlockReader reader{bytes};
        const auto start = reader.next();
        const auto before = start ? read_start(*start) : std::nullopt;
        if (!before) continue;
        std::string container = before->container;
        std::uint64_t position = before->next;
        while (auto block = reader.next()) {
            position = block->first;
            while (const auto item = unpack(block->body)) {
                if (item->kind == Item::Kind::container) {
                    container = item->text;
                    continue;
                }
                if (position >= from && !visit(position, *item, container)) return;
                ++position;
            }
        }
    }
}

Page Ring::read(const Query& query) const
{
    const std::uint32_t limit = std::clamp(query.limit, 1U, Query::max_limit);
    const bool newest = query.tail || (!query.offset && !query.since_ns);
    const std::uint64_t wanted = std::min(query.tail.value_or(limit), limit);
    Page page;
    page.first = files_.empty() ? mark_.next : files_.front().first;
    page.end = mark_.next;
    std::uint64_t from = query.offset.value_or(0);
    // Positions have gaps only where storing failed.
    if (newest && !query.since_ns && page.end - page.first > wanted) from = std::max(from, page.end - wanted);
    std::deque<Entry> found;
    std::size_t bytes = 0;
    bool begun = !query.since_ns;
    each(from, [&](std::uint64_t position, const Item& item, const std::string&) {
        begun = begun || item.stamp_ns >= *query.since_ns;
        if (!begun) return true;
        const bool full =
            found.size() >= wanted || (!found.empty() && bytes + item.text.size() > Query::max_bytes);
        if (full && !newest) return false;
        found.push_back({position, item.stamp_ns, item.stream, item.continues, std::string{item.text}});
        bytes += item.text.size();
        while (found.size() > wanted || (found.size() > 1 && bytes > Query::max_bytes)) {
            bytes -= found.front().text.size();
            found.pop_front();
        }
        return true;
    });
    page.next = found.empty() ? page.end : found.back().position + 1;
    page.entries.assign(std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
    return page;
}

} // namespace agenthost::docker::console
