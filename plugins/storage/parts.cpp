#include "parts.hpp"

#include <sys/stat.h>

#include <cerrno>

namespace agenthost::storage {

void Parts::unlink(const std::string& blob) const
{
    if (const auto failed = store.remove(blob)) {
        telemetry.log(Level::warn, failed->detail + "; the next start tries again");
        return;
    }
    index.unlinked(blob);
}

MaybeProblem Parts::open(const std::string& id, FileRecord& row, base::Fd& file) const
{
    const auto found = index.find(id);
    if (!found) return problem::file_not_found("no file with the id " + id + " is stored");
    row = *found;
    int error = 0;
    file = store.open(row.blob, error);
    if (!file) {
        if (error == ENOENT) mark(row, FileState::missing);
        return problem::file_not_found("the content of " + id +
                                       " is missing on the disk; send it again or delete it");
    }
    struct stat info {};
    if (row.state == FileState::damaged || ::fstat(file.get(), &info) != 0 ||
        static_cast<std::uint64_t>(info.st_size) != row.size)
        return problem::file_not_found("the content of " + id +
                                       " is damaged on the disk; send it again or delete it");
    if (row.state == FileState::missing) // it was missing and is back
        index.mark(row.id, row.blob, FileState::whole);
    return std::nullopt;
}

void Parts::mark(const FileRecord& row, FileState state) const
{
    index.mark(row.id, row.blob, state);
    if (state == FileState::missing)
        telemetry.missing(row.id);
    else if (state == FileState::damaged)
        telemetry.damaged(row.id);
}

} // namespace agenthost::storage
