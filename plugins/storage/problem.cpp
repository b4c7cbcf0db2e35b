#include "problem.hpp"

#include <cerrno>
#include <cstring>

namespace agenthost::storage::problem {

Problem from_errno(int error, const std::string& what)
{
    const std::string detail = what + ": " + std::strerror(error);
    if (error == ENOSPC || error == EDQUOT) return disk_full(detail);
    if (error == EROFS || error == EIO)
        return {"DISK_ERROR", "Disk error",
                detail + (error == EROFS
                              ? "; mount the file system of storage_path writable"
                              : "; look in the kernel's log, the disk of storage_path does not work")};
    if (error == EMFILE || error == ENFILE)
        return {"INSUFFICIENT_RESOURCES", "Insufficient resources",
                detail + "; raise LimitNOFILE of the service, or the sysctl fs.file-max", true};
    if (error == EACCES || error == EPERM)
        return internal(detail + "; storage_path must belong to the daemon's user");
    return internal(detail);
}

} // namespace agenthost::storage::problem
