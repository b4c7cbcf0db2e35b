// Binding, with errors that say who is in the way.
#include "acceptor.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <dirent.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace agenthost::host::listener {
namespace fs = std::filesystem;

namespace {

constexpr int backlog = 4096; // a fleet of agents comes back at once after a restart of ours

// The socket inode that listens on this TCP port, from /proc/net/tcp*.
std::string listening_inode(int port)
{
    for (const char* file : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        std::ifstream in{file};
        std::string line;
        std::getline(in, line);
        while (std::getline(in, line)) {
            std::istringstream fields{line};
            std::string slot, local, remote, state, queues, timers, retransmits, uid, timeout, inode;
            fields >> slot >> local >> remote >> state >> queues >> timers >> retransmits >> uid >> timeout >>
                inode;
            const auto colon = local.rfind(':');
            if (state == "0A" && colon != std::string::npos &&
                std::stoi(local.substr(colon + 1), nullptr, 16) == port)
                return inode;
        }
    }
    return {};
}

// "nginx (pid 17)", as far as we may look.
std::string holder(int port)
{
    const std::string inode = listening_inode(port);
    if (inode.empty()) return {};
    const std::string wanted = "socket:[" + inode + "]";
    std::error_code ec;
    for (const auto& process : fs::directory_iterator{"/proc", ec}) {
        const std::string pid = process.path().filename();
        if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
        for (fs::directory_iterator fd{process.path() / "fd", ec}, end; !ec && fd != end; fd.increment(ec)) {
            std::error_code ignored;
            if (fs::read_symlink(fd->path(), ignored) != wanted) continue;
            std::string name;
            std::ifstream comm{process.path() / "comm"};
            std::getline(comm, name);
            return name + " (pid " + pid + ")";
        }
    }
    return {};
}

std::string bind_problem(const std::string& bind, int port, int error)
{
    const std::string what = "cannot listen on " + bind + ": ";
    switch (error) {
    case EADDRINUSE: {
        const std::string who = holder(port);
        return what + "the port is in use" + (who.empty() ? "" : " by " + who) +
               ". Stop that program or choose another port.";
    }
    case EACCES:
        return what + "permission denied" +
               (port < 1024
                    ? " below 1024. Choose a port from 1024, or give the service CAP_NET_BIND_SERVICE."
                    : ". A security policy forbids it: allow the port there or choose another.");
    case EADDRNOTAVAIL:
        return what + "no interface of this machine has the address. Correct `bind`, or configure the "
                      "address first.";
    case EMFILE:
    case ENFILE: return what + "no descriptor is free. Raise LimitNOFILE.";
    default: return what + std::strerror(error) + ".";
    }
}

bool split(const std::string& bind, std::string& host, std::string& port)
{
    const auto colon = bind.rfind(':');
    if (colon == std::string::npos || colon + 1 == bind.size()) return false;
    host = bind.substr(0, colon);
    port = bind.substr(colon + 1);
    if (port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos ||
        std::stoi(port) > 65535)
        return false;
    if (host.starts_with('[')) {
        if (!host.ends_with(']')) return false;
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string::npos) {
        return false;
    }
    if (host == "*" || host.empty()) host = "0.0.0.0";
    return true;
}

std::string local_address(int fd)
{
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    return net::address_text(reinterpret_cast<const sockaddr*>(&address));
}

bool somebody_listens(const sockaddr_un& address)
{
    const kit::Fd probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    const int result = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return result == 0 || errno == EAGAIN; // EAGAIN: its backlog is full, so it is there
}

} // namespace

AcceptorPtr bind_tcp(asio::io_context& io, const std::string& bind, std::string& address,
                     std::string& problem)
{
    std::string host, port;
    if (!split(bind, host, port)) {
        problem = "cannot listen on " + bind +
                  ": not an address and a port. Write 127.0.0.1:3001 or [::1]:3001; port 0 takes any.";
        return nullptr;
    }
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
        problem =
            "cannot listen on " + bind + ": " + ::gai_strerror(error) + ". Write an address of this machine.";
        return nullptr;
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list{found, &::freeaddrinfo};
    kit::Fd fd{::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    const int on = 1;
    if (fd) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd && found->ai_family == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (!fd || ::bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd.get(), backlog) != 0) {
        problem = bind_problem(bind, std::stoi(port), errno);
        return nullptr;
    }
    address = local_address(fd.get());
    return std::make_shared<Acceptor>(io, fd.release());
}

AcceptorPtr bind_unix(asio::io_context& io, const std::string& path, std::string& problem)
{
    const std::string what = "cannot listen on unix:" + path + ": ";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        problem = what + "the path is longer than " + std::to_string(sizeof address.sun_path - 1) +
                  " bytes. Choose a shorter one.";
        return nullptr;
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    std::error_code ec;
    if (const auto folder = fs::path{path}.parent_path(); !folder.empty()) fs::create_directories(folder, ec);
    if (ec) {
        problem =
            what + "the folder cannot be made: " + ec.message() + ". Create it, or run as a user who may.";
        return nullptr;
    }
    struct stat there {};
    if (::lstat(path.c_str(), &there) == 0) {
        if (!S_ISSOCK(there.st_mode)) {
            problem =
                what + "something that is not a socket has this name. Move it away or choose another path.";
            return nullptr;
        }
        if (somebody_listens(address)) {
            problem =
                what +
                "another process listens there, perhaps a second agenthost. Stop it or choose another path.";
            return nullptr;
        }
        ::unlink(path.c_str()); // left by a process that died
    }
    kit::Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    // The mode is set between bind and listen: until listen nobody can connect.
    if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(path.c_str(), 0600) != 0 || ::listen(fd.get(), backlog) != 0) {
        const int error = errno;
        problem =
            what + std::strerror(error) +
            (error == EACCES || error == EROFS ? ". Make the folder writable for the user agenthost runs as."
                                               : ".");
        return nullptr;
    }
    auto acceptor = std::make_shared<Acceptor>(io, fd.release());
    acceptor->path = path;
    if (::stat(path.c_str(), &there) == 0) {
        acceptor->device = there.st_dev;
        acceptor->inode = there.st_ino;
    }
    return acceptor;
}

void Acceptor::remove_file()
{
    struct stat there {};
    if (path.empty() || ::lstat(path.c_str(), &there) != 0) return;
    if (there.st_dev == device && there.st_ino == inode) ::unlink(path.c_str()); // not a successor's
    path.clear();
}

} // namespace agenthost::host::listener
