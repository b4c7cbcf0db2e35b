// Writes a file that a person has named.
#pragma once

#include "base/fd.hpp"
#include "base/write_all.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <string_view>

namespace agenthost::base {

// Creates the file or replaces its content. On failure returns false with errno set and removes the file, if it
// is a regular one: a part of a picture looks like a picture.
inline bool write_file(const std::string& path, std::string_view bytes)
{
    const Fd out{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
    if (!out) return false;
    if (write_all(out.get(), bytes)) return true;
    const int why = errno;
    struct stat is {};
    if (::fstat(out.get(), &is) == 0 && S_ISREG(is.st_mode)) ::unlink(path.c_str());
    errno = why;
    return false;
}

} // namespace agenthost::base
