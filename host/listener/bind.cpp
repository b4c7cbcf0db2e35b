// Binds sockets, with errors that name the program that uses the port.
#include "acceptor.hpp"

#include "host/config/bind.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace agenthost::host::listener {
namespace fs = std::filesystem;

namespace {

// After a restart, thousands of agents reconnect at once.
constexpr int backlog = 4096;

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

// "nginx (pid 17)"; empty if /proc does not show it to us.
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

std::string bind_problem(const std::string& bind, int port, int error, bool no_v6)
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
    case EAFNOSUPPORT: return what + "this machine has no IPv6. Write 0.0.0.0 for every IPv4 address.";
    case EADDRNOTAVAIL:
        if (no_v6)
            return what + "IPv6 is switched off on this machine. Write 0.0.0.0 for every IPv4 address.";
        return what + "no interface of this machine has the address. Correct `bind`, or configure the "
                      "address first.";
    case EMFILE:
    case ENFILE: return what + "no descriptor is free. Raise LimitNOFILE.";
    default: return what + std::strerror(error) + ".";
    }
}

bool somebody_listens(const sockaddr_un& address)
{
    const base::Fd probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    const int result = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return result == 0 || errno == EAGAIN; // EAGAIN: its backlog is full, so it exists
}

// A socket bound to `wanted` and listening; invalid, with errno, on failure.
base::Fd listen_on(const netclient::IpAddress& ip, std::uint16_t port, bool v6_only)
{
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_in);
    if (ip.v4()) {
        auto& in = reinterpret_cast<sockaddr_in&>(storage);
        in.sin_family = AF_INET;
        in.sin_port = htons(port);
        std::memcpy(&in.sin_addr, ip.bytes.data() + 12, 4);
    } else {
        auto& in = reinterpret_cast<sockaddr_in6&>(storage);
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(port);
        std::memcpy(&in.sin6_addr, ip.bytes.data(), 16);
        size = sizeof in;
    }
    base::Fd fd{::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) return fd;
    const int on = 1, only = v6_only ? 1 : 0;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (!ip.v4()) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0 ||
        ::listen(fd.get(), backlog) != 0) {
        const int error = errno;
        fd.reset();
        errno = error;
    }
    return fd;
}

} // namespace

AcceptorPtr bind_tcp(asio::io_context& io, const std::string& bind, const ServesV4& serves_v4,
                     std::string& problem)
{
    const auto parsed = conf::parse_bind(bind);
    const auto ip = parsed ? netclient::parse_ip(parsed->address) : std::nullopt;
    if (!ip) {
        problem = "cannot listen on " + bind + ": " + conf::why_no_bind(bind) + ".";
        return nullptr;
    }
    const auto port = static_cast<std::uint16_t>(std::stoi(parsed->port));
    const bool wildcard6 = !ip->v4() && ip->any();
    bool v6_only = !wildcard6 || (port != 0 && serves_v4(port));
    base::Fd fd = listen_on(*ip, port, v6_only);
    const bool no_v6 = !fd && !ip->v4() && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL);
    if (no_v6 && parsed->every) fd = listen_on(*netclient::parse_ip("0.0.0.0"), port, false);
    if (!fd) {
        problem = bind_problem(bind, port, errno, wildcard6 && no_v6);
        return nullptr;
    }
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &size);
    auto acceptor = std::make_shared<Acceptor>(io, fd.release());
    acceptor->bind = bind;
    acceptor->address = net::address_text(reinterpret_cast<const sockaddr*>(&storage));
    acceptor->endpoint =
        netclient::parse_endpoint(acceptor->address).value_or(netclient::IpEndpoint{*ip, port});
    acceptor->serves_v4 = acceptor->endpoint.ip.v4() || !v6_only;
    return acceptor;
}

std::string best_address(const std::vector<AcceptorPtr>& acceptors)
{
    const auto rank = [](const AcceptorPtr& a) {
        return a->endpoint.ip.loopback() ? 2 : a->endpoint.ip.any() ? 1 : 0;
    };
    const auto best = std::ranges::min_element(acceptors, {}, rank); // the first of equals
    return best == acceptors.end() ? std::string{} : (*best)->address;
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
        ::unlink(path.c_str()); // left by a process that was killed
    }
    base::Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    // The mode is set between bind and listen, because nobody can connect before listen.
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
    acceptor->address = "unix:" + path;
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
