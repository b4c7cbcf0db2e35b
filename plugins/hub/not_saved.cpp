#include "not_saved.hpp"

#include <cerrno>

namespace agenthost::hub {

namespace {

constexpr std::uint64_t least_free = 1 << 20;
constexpr const char* remedy = "name a file on another disk in plugins.hub.config.database";

} // namespace

kit::DiskTrouble why_not_saved(const std::string& database)
{
    const auto space = kit::disk_space(database);
    if (space && space->read_only) return kit::disk_trouble(EROFS, database, remedy);
    if (space && (space->bytes < least_free || (space->inodes && *space->inodes == 0)))
        return kit::disk_trouble(ENOSPC, database, remedy);
    return {"DISK_FULL", database + ": the disk refused. `agenthost health` on the hub's machine says why."};
}

Answer not_saved(const std::string& database, const std::string& what)
{
    const auto why = why_not_saved(database);
    return error_answer(507, why.code, what + ". " + why.text);
}

} // namespace agenthost::hub
