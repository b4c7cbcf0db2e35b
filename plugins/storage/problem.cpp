#include "problem.hpp"

#include <cerrno>
#include <cstring>

namespace agenthost::storage::problem {

Problem from_errno(int error, const std::string& what)
{
    const std::string detail = what + ": " + std::strerror(error);
    if (error == ENOSPC || error == EDQUOT) return disk_full(detail);
    if (error == EACCES || error == EPERM)
        return internal(detail + "; storage_path must belong to the daemon's user");
    return internal(detail);
}

} // namespace agenthost::storage::problem
