#include "problem.hpp"

#include "base/disk_trouble.hpp"
#include "base/sqlite.hpp"

#include <cerrno>
#include <cstring>

namespace agenthost::storage::problem {

Problem from_index(const base::SqliteError& e, const std::string& file)
{
    if (e.disk_full()) return disk_full(e.what());
    auto trouble = base::disk_trouble(e, file);
    return trouble.code == "DISK_ERROR" ? disk_error(std::move(trouble.text))
                                        : internal(std::string{"the index: "} + e.what());
}

Problem from_errno(int error, const std::string& what)
{
    const std::string detail = what + ": " + std::strerror(error);
    if (error == ENOSPC || error == EDQUOT) return disk_full(detail);
    if (error == EROFS || error == EIO)
        return disk_error(
            detail + (error == EROFS ? "; mount the file system of storage_path writable"
                                     : "; look in the kernel's log, the disk of storage_path does not work"));
    if (error == EMFILE || error == ENFILE)
        return {"INSUFFICIENT_RESOURCES", "Insufficient resources",
                detail + "; raise LimitNOFILE of the service, or the sysctl fs.file-max", true};
    if (error == EACCES || error == EPERM)
        return internal(detail + "; storage_path must belong to the daemon's user");
    return internal(detail);
}

} // namespace agenthost::storage::problem
