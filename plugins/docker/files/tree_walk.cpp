#include "tree_walk.hpp"

#include "descriptors.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

namespace agenthost::docker::files {

namespace {

constexpr std::size_t buffer_bytes = 64 << 10;

// What getdents64 writes; `name` ends in NUL.
struct Record {
    std::uint64_t inode;
    std::int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[1];
};
constexpr std::size_t name_offset = offsetof(Record, name);

bool is_dot(const char* name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

} // namespace

TreeWalk::TreeWalk(base::Fd top) : buffer_(buffer_bytes)
{
    struct stat info {};
    if (::fstat(top.get(), &info) != 0) {
        reading_ = false;
        return;
    }
    Frame frame;
    frame.fd = std::move(top);
    frame.device = info.st_dev;
    frame.inode = info.st_ino;
    frames_.push_back(std::move(frame));
}

const TreeWalk::Entry* TreeWalk::next()
{
    while (!frames_.empty()) {
        if (reading_ && read_entry()) return &entry_;
        reading_ = false;
        if (frames_.back().pending.empty() ? go_back() : descend()) return &entry_;
    }
    return nullptr;
}

bool TreeWalk::fill_buffer()
{
    const long n = ::syscall(SYS_getdents64, frames_.back().fd.get(), buffer_.data(), buffer_.size());
    at_ = 0;
    filled_ = n > 0 ? static_cast<std::size_t>(n) : 0;
    if (n < 0) ++lost_;
    return n > 0;
}

bool TreeWalk::read_entry()
{
    const int folder = frames_.back().fd.get();
    for (;;) {
        if (at_ >= filled_ && !fill_buffer()) return false;
        unsigned short length = 0;
        std::memcpy(&length, buffer_.data() + at_ + offsetof(Record, length), sizeof length);
        const auto type = static_cast<unsigned char>(buffer_[at_ + offsetof(Record, type)]);
        const char* name = buffer_.data() + at_ + name_offset;
        at_ += length;
        if (is_dot(name)) continue;
        if (type == DT_DIR) {
            remember(name);
            continue;
        }
        if (::fstatat(folder, name, &entry_.info, AT_SYMLINK_NOFOLLOW) != 0) continue; // gone meanwhile
        if (S_ISDIR(entry_.info.st_mode)) {
            remember(name);
            continue;
        }
        entry_.step = Step::file;
        entry_.name = name;
        entry_.folder = folder;
        entry_.error = 0;
        entry_.depth = frames_.size() - 1;
        return true;
    }
}

void TreeWalk::remember(const char* name)
{
    const std::size_t cost = std::strlen(name) + sizeof(std::string);
    if (pending_bytes_ + cost > max_pending_bytes) {
        ++lost_;
        return;
    }
    pending_bytes_ += cost;
    frames_.back().pending.emplace_back(name);
}

bool TreeWalk::descend()
{
    Frame& parent = frames_.back();
    entry_.name = std::move(parent.pending.back());
    parent.pending.pop_back();
    pending_bytes_ -= entry_.name.size() + sizeof(std::string);
    entry_.depth = frames_.size() - 1;
    entry_.folder = parent.fd.get();
    base::Fd fd{open_folder(parent.fd.get(), entry_.name.c_str())};
    if (!fd || ::fstat(fd.get(), &entry_.info) != 0) {
        entry_.step = Step::unreadable;
        entry_.error = errno;
        // Gone, or replaced by something else meanwhile.
        return errno != ENOENT && errno != ENOTDIR && errno != ELOOP;
    }
    Frame frame;
    frame.fd = std::move(fd);
    frame.device = entry_.info.st_dev;
    frame.inode = entry_.info.st_ino;
    frame.name = entry_.name;
    if (frames_.size() > kept_open) parent.fd.reset();
    frames_.push_back(std::move(frame));
    reading_ = true;
    at_ = filled_ = 0;
    entry_.step = Step::enter;
    entry_.error = 0;
    entry_.folder = frames_.back().fd.get();
    return true;
}

bool TreeWalk::reopen_parent()
{
    Frame& parent = frames_[frames_.size() - 2];
    if (parent.fd) return true;
    base::Fd up{::openat(frames_.back().fd.get(), "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    struct stat info {};
    if (!up || ::fstat(up.get(), &info) != 0) return false;
    if (info.st_dev != parent.device || info.st_ino != parent.inode) return false;
    parent.fd = std::move(up);
    return true;
}

bool TreeWalk::go_back()
{
    if (frames_.size() == 1) {
        frames_.clear();
        return false;
    }
    if (reopen_parent()) {
        entry_.step = Step::leave;
        entry_.name = std::move(frames_.back().name);
        frames_.pop_back();
        entry_.folder = frames_.back().fd.get();
        entry_.depth = frames_.size() - 1;
        entry_.error = 0;
        return true;
    }
    // Somebody moved the folder. Continue where the way back is certain.
    do {
        for (const auto& name : frames_.back().pending) pending_bytes_ -= name.size() + sizeof(std::string);
        frames_.pop_back();
        ++lost_;
    } while (!frames_.back().fd);
    return false;
}

void TreeWalk::skip()
{
    if (entry_.step != Step::enter || frames_.size() < 2) return;
    // The entry was just opened; its parent may have been closed only if it is deep.
    if (!reopen_parent()) {
        at_ = filled_ = 0;
        reading_ = false;
        ++lost_;
        return;
    }
    frames_.pop_back();
    reading_ = false;
}

void TreeWalk::retry()
{
    if (entry_.step != Step::unreadable || frames_.empty()) return;
    pending_bytes_ += entry_.name.size() + sizeof(std::string);
    frames_.back().pending.push_back(entry_.name);
}

std::string TreeWalk::folder_path() const
{
    std::string path;
    for (std::size_t i = 1; i < frames_.size(); ++i) {
        if (path.size() > 3000) return path + "/...";
        if (i > 1) path += '/';
        path += frames_[i].name;
    }
    return path;
}

} // namespace agenthost::docker::files
