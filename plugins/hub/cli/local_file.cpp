#include "local_file.hpp"

#include "daemon.hpp"

#include "base/fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace agenthost::hub::cli {

std::string read_local(const std::string& path, std::size_t max)
{
    const bool standard_input = path == "-";
    // A FIFO must not make open() wait.
    const base::Fd opened{standard_input ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    const int file = standard_input ? STDIN_FILENO : opened.get();
    struct stat info {};
    if (file < 0 || ::fstat(file, &info) != 0)
        throw Failed{"cannot read " + path + ": " + std::strerror(errno) + ". Check its name and mode"};
    if (!standard_input && !S_ISREG(info.st_mode))
        throw Failed{path + " is not a regular file. Name one, or write - for standard input"};
    std::string bytes(max + 1, '\0');
    std::size_t size = 0;
    while (size < bytes.size()) {
        const ssize_t n = ::read(file, bytes.data() + size, bytes.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw Failed{"cannot read " + path + ": " + std::strerror(errno)};
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    if (size > max)
        throw Failed{path + " is larger than " + std::to_string(max >> 10) +
                     " KiB, the most that a request may have"};
    bytes.resize(size);
    return bytes;
}

} // namespace agenthost::hub::cli
