#include "parts.hpp"

namespace agenthost::storage {

void Parts::unlink(const std::string& blob) const
{
    if (const auto failed = store.remove(blob)) {
        telemetry.log(Level::warn, failed->detail + "; the next start tries again");
        return;
    }
    index.unlinked(blob);
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
