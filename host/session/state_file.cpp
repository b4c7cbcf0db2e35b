#include "state_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace agenthost::host {
namespace {

std::string because(const std::string& what, const std::filesystem::path& where)
{
    return what + " " + where.string() + ": " + std::strerror(errno) +
           ". Give agent.state_dir to the user the daemon runs as";
}

// Gives files written by root to the owner of state_dir.
void give_to_owner_of(int fd, const std::filesystem::path& state_dir)
{
    struct stat st {};
    if (::geteuid() != 0 || ::stat(state_dir.c_str(), &st) != 0 || st.st_uid == 0) return;
    [[maybe_unused]] const int done = ::fchown(fd, st.st_uid, st.st_gid);
}

} // namespace

StateFile::StateFile(const std::filesystem::path& state_dir, const std::string& server,
                     const std::string& name)
    : state_dir_{state_dir}, folder_{state_dir / "servers" / server}, name_{name}
{}

std::optional<std::string> StateFile::read(std::string& why, std::size_t max_bytes) const
{
    const base::Fd fd{::open(path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (!fd) {
        if (errno != ENOENT && errno != ENOTDIR) why = because("cannot read", path());
        return std::nullopt;
    }
    std::string text(max_bytes + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t n = ::read(fd.get(), text.data() + size, text.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            why = because("cannot read", path());
            return std::nullopt;
        }
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    if (size > max_bytes) {
        why = path() + " is longer than this file can be. Remove it; it is created again";
        return std::nullopt;
    }
    text.resize(size);
    return text;
}

std::string StateFile::make_folder() const
{
    for (const auto& folder : {state_dir_ / "servers", folder_}) {
        if (::mkdir(folder.c_str(), 0700) != 0) {
            if (errno == EEXIST) continue;
            return because("cannot create", folder);
        }
        const base::Fd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
        if (fd) give_to_owner_of(fd.get(), state_dir_);
    }
    return {};
}

std::string StateFile::write_to(const std::filesystem::path& file, int flags, std::string_view content) const
{
    const base::Fd fd{::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600)};
    if (!fd) return because("cannot write", file);
    give_to_owner_of(fd.get(), state_dir_);
    while (!content.empty()) {
        const ssize_t n = ::write(fd.get(), content.data(), content.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return because("cannot write", file);
        content.remove_prefix(static_cast<std::size_t>(n));
    }
    return ::fsync(fd.get()) == 0 ? std::string{} : because("cannot write", file);
}

std::string StateFile::replace(std::string_view content) const
{
    if (auto problem = make_folder(); !problem.empty()) return problem;
    const auto temporary = folder_ / (name_ + ".new");
    if (auto problem = write_to(temporary, O_TRUNC, content); !problem.empty()) return problem;
    if (::rename(temporary.c_str(), path().c_str()) != 0) return because("cannot replace", path());
    const base::Fd folder{::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    return folder && ::fsync(folder.get()) == 0 ? std::string{} : because("cannot sync", folder_);
}

base::FileLock StateFile::lock() const
{
    base::FileLock lock;
    if (!make_folder().empty()) return lock;
    if (lock.acquire((folder_ / (name_ + ".lock")).string(), base::FileLock::Wait::yes) == 0)
        give_to_owner_of(lock.fd(), state_dir_);
    return lock;
}

std::string StateFile::append(std::string_view content) const
{
    if (auto problem = make_folder(); !problem.empty()) return problem;
    return write_to(path(), O_APPEND, content);
}

} // namespace agenthost::host
