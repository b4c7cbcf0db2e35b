#include "net.hpp"

#include "ip_address.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <resolv.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace agenthost::netclient {

using std::chrono::milliseconds;

namespace {

constexpr std::size_t max_addresses = 16;            // of a name
constexpr milliseconds other_address_timeout{3'000}; // while there is another address left to try
constexpr milliseconds backlog_pause{20};            // the kernel cannot poll for space in a unix backlog

std::vector<Address> addresses_of(const addrinfo* list)
{
    std::vector<Address> out;
    for (; list && out.size() < max_addresses; list = list->ai_next) {
        if (list->ai_addrlen > sizeof(sockaddr_storage)) continue;
        Address address;
        std::memcpy(&address.storage, list->ai_addr, list->ai_addrlen);
        address.size = list->ai_addrlen;
        out.push_back(address);
    }
    return out;
}

// Returns no addresses and sets `why` on failure.
std::vector<Address> ask_system(const std::string& host, std::uint16_t port, int flags, std::string& why)
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const int rc = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    if (rc != 0) {
        why = rc == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(rc);
        return {};
    }
    auto found = addresses_of(list);
    ::freeaddrinfo(list);
    if (found.empty()) why = "it has no address";
    return found;
}

} // namespace

std::vector<Address> look_up(const std::string& host, std::uint16_t port, std::string& why)
{
    return ask_system(host, port, 0, why);
}

bool all_loopback(const std::vector<Address>& addresses)
{
    return std::all_of(addresses.begin(), addresses.end(), [](const Address& each) {
        const auto ip = ip_of(&each.get());
        return ip && ip->loopback();
    });
}

Wait wait_for(int fd, short events, milliseconds timeout, const WaitLimits& wait_limits)
{
    const auto end = std::min(Clock::now() + timeout, wait_limits.deadline);
    for (;;) {
        if (wait_limits.cancel.is_set()) return Wait::cancelled;
        const auto now = Clock::now();
        const auto left = std::chrono::ceil<milliseconds>(std::max(end - now, Clock::duration::zero()));
        pollfd fds[] = {{wait_limits.cancel.fd(), POLLIN, 0}, {fd, events, 0}};
        const int n =
            ::poll(fds, fd < 0 ? 1 : 2, static_cast<int>(std::min<milliseconds::rep>(left.count(), 60'000)));
        if (n > 0) return fds[0].revents ? Wait::cancelled : Wait::ready;
        if (n < 0 && errno != EINTR) return Wait::ready; // the descriptor's own call will say what is wrong
        if (Clock::now() >= end) return end == wait_limits.deadline ? Wait::deadline : Wait::timeout;
    }
}

struct Resolver::Lookup {
    std::mutex mutex;
    std::condition_variable changed;
    base::Cancel done; // for poll
    std::string why;   // the reason, if `addresses` is empty
    std::vector<Address> addresses;
};

Resolver::~Resolver()
{
    for (auto& [lookup, thread] : threads_) thread.join();
}

std::vector<Address> Resolver::resolve(const std::string& host, std::uint16_t port, milliseconds timeout,
                                       const WaitLimits& wait_limits, std::string& why)
{
    if (auto literal = ask_system(host, port, AI_NUMERICHOST, why); !literal.empty()) return literal;
    why.clear();
    const auto lookup = std::make_shared<Lookup>();
    {
        const std::lock_guard lock{mutex_};
        std::erase_if(threads_, [](auto& running) {
            if (!running.first->done.is_set()) return false;
            running.second.join(); // at its last instruction
            return true;
        });
        if (threads_.size() >= max_threads_) {
            why = "looking up " + host + ": " + std::to_string(max_threads_) +
                  " DNS lookups are stuck; check the name servers in resolv.conf";
            return {};
        }
        const auto look = [lookup, host, port] {
            ::res_init(); // this thread's own resolver state
            _res.retrans = 2;
            _res.retry = 2;
            std::string reason;
            auto found = ask_system(host, port, AI_ADDRCONFIG, reason);
            {
                const std::lock_guard result{lookup->mutex};
                lookup->why = std::move(reason);
                lookup->addresses = std::move(found);
            }
            lookup->done.set();
        };
        threads_.emplace_back(lookup, std::thread{});
        try {
            threads_.back().second = std::thread{look};
        } catch (const std::system_error&) {
            threads_.pop_back();
            why = "looking up " + host + ": the machine is out of threads; raise TasksMax of the service";
            return {};
        }
    }
    if (const auto waited = wait_for(lookup->done.fd(), POLLIN, timeout, wait_limits);
        waited != Wait::ready) {
        why = "looking up " + host + " took too long; check the name servers in resolv.conf";
        return {};
    }
    const std::lock_guard lock{lookup->mutex};
    if (!lookup->why.empty()) why = "looking up " + host + ": " + lookup->why;
    return std::move(lookup->addresses);
}

std::optional<Address> unix_address(const std::string& path, std::string& why)
{
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof un.sun_path) {
        why = path.empty() ? "the path of the unix socket is empty"
                           : path + " is longer than 107 bytes, the longest path of a unix socket";
        return std::nullopt;
    }
    path.copy(un.sun_path, path.size());
    Address address;
    std::memcpy(&address.storage, &un, sizeof un);
    address.size = sizeof un;
    return address;
}

Connected connect_to(const Address& address, milliseconds timeout, const WaitLimits& wait_limits)
{
    Connected out;
    const auto family = address.get().sa_family;
    const auto until = Clock::now() + timeout;
    out.socket.reset(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!out.socket) out.error = errno;
    if (out.socket && family != AF_UNIX) {
        const int one = 1;
        ::setsockopt(out.socket.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    while (out.socket) {
        out.error = ::connect(out.socket.get(), &address.get(), address.size) == 0 ? 0 : errno;
        if (out.error != EAGAIN) break; // a unix socket's backlog is full
        out.wait = wait_for(-1, 0, backlog_pause, wait_limits);
        if (out.wait != Wait::timeout || Clock::now() >= until) break;
    }
    if (out.error == EINPROGRESS) {
        out.wait = wait_for(out.socket.get(), POLLOUT, timeout, wait_limits);
        out.error = ETIMEDOUT;
        socklen_t size = sizeof out.error;
        if (out.wait == Wait::ready) ::getsockopt(out.socket.get(), SOL_SOCKET, SO_ERROR, &out.error, &size);
    }
    if (out.error == 0) {
        out.wait = Wait::ready;
        return out;
    }
    out.socket.reset();
    out.why = "connecting to " + address_text(address.get()) + ": " + std::strerror(out.error);
    return out;
}

namespace {

// The first that answers. `policy` null: all are allowed.
Connected connect_to_first(const std::vector<Address>& addresses, const AddressPolicy* policy,
                           milliseconds timeout, const WaitLimits& wait_limits)
{
    Connected out;
    out.denied = policy && !addresses.empty();
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        if (auto refusal = policy ? policy->refuse_address(addresses[i].get()) : std::string{};
            !refusal.empty()) {
            if (out.why.empty()) out.why = std::move(refusal);
            continue;
        }
        const bool last = i + 1 == addresses.size();
        out =
            connect_to(addresses[i], last ? timeout : std::min(timeout, other_address_timeout), wait_limits);
        if (out.socket || out.wait == Wait::cancelled || out.wait == Wait::deadline) return out;
    }
    return out;
}

} // namespace

Connected connect_to(const std::vector<Address>& addresses, milliseconds timeout,
                     const WaitLimits& wait_limits)
{
    return connect_to_first(addresses, nullptr, timeout, wait_limits);
}

Connected connect_to(const std::vector<Address>& addresses, const AddressPolicy& policy, milliseconds timeout,
                     const WaitLimits& wait_limits)
{
    return connect_to_first(addresses, &policy, timeout, wait_limits);
}

} // namespace agenthost::netclient
