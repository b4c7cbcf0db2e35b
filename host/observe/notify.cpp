#include "notify.hpp"

#include "base/fd.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace agenthost::host {

bool notify(std::string_view lines)
{
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (!path || (*path != '/' && *path != '@')) return false;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::size_t length = std::strlen(path);
    if (length >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path, length);
    if (*path == '@') address.sun_path[0] = '\0'; // the abstract namespace
    const base::Fd socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!socket) return false;
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
    return ::sendto(socket.get(), lines.data(), lines.size(), MSG_NOSIGNAL,
                    reinterpret_cast<sockaddr*>(&address), size) == static_cast<ssize_t>(lines.size());
}

std::optional<std::chrono::microseconds> watchdog_interval()
{
    const char* text = std::getenv("WATCHDOG_USEC");
    if (!text) return std::nullopt;
    if (const char* pid = std::getenv("WATCHDOG_PID"); pid && std::strtol(pid, nullptr, 10) != ::getpid())
        return std::nullopt;
    const long long us = std::strtoll(text, nullptr, 10);
    if (us <= 0) return std::nullopt;
    return std::chrono::microseconds{us / 2};
}

} // namespace agenthost::host
