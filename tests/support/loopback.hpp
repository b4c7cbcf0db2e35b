// A TCP socket that listens on a free port of 127.0.0.1.
#pragma once

#include "base/fd.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <stdexcept>

namespace agenthost::test {

struct LoopbackListener {
    base::Fd fd;
    int port = 0;
};

// Throws std::runtime_error.
inline LoopbackListener listen_on_loopback()
{
    LoopbackListener out{base::Fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}, 0};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(out.fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(out.fd.get(), 8) != 0 ||
        ::getsockname(out.fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw std::runtime_error{"cannot listen on loopback"};
    out.port = ntohs(address.sin_port);
    return out;
}

} // namespace agenthost::test
