#include "not_saved.hpp"

#include "base/fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace agenthost::hub {

namespace {

constexpr std::uint64_t min_free = 1 << 20;
constexpr const char* remedy = "name a file on another disk in plugins.hub.config.database";

// errno of a small write beside the database; 0: it works.
int try_to_write(const std::string& database)
{
    std::string name = database + ".probe.XXXXXX";
    const base::Fd fd{::mkostemp(name.data(), O_CLOEXEC)};
    if (!fd) return errno;
    ::unlink(name.c_str());
    return ::pwrite(fd.get(), "", 1, 0) == 1 ? 0 : errno;
}

} // namespace

base::DiskTrouble why_not_saved(const std::string& database)
{
    const auto space = base::disk_space(database);
    if (space && space->read_only) return base::disk_trouble(EROFS, database, remedy);
    if (space && (space->bytes < min_free || (space->inodes && *space->inodes == 0)))
        return base::disk_trouble(ENOSPC, database, remedy);
    if (const int error = try_to_write(database)) return base::disk_trouble(error, database, remedy);
    return {"DISK_ERROR", database + ": using it failed a moment ago. Try again; `agenthost health` on the "
                                     "hub's machine says whether it lasts."};
}

int disk_status(const base::DiskTrouble& why) { return why.code == "INTERNAL" ? 500 : status_of(why.code); }

Answer not_saved(const std::string& database, const std::string& what)
{
    const auto why = why_not_saved(database);
    return error_answer(disk_status(why), why.code, what + ". " + why.text);
}

Answer not_read(const std::string& database)
{
    return not_saved(database, "The hub could not read its database");
}

} // namespace agenthost::hub
