// Blocking network steps with cancellation and a deadline: wait for a descriptor, resolve a name, connect.
// For the threads of transfers; never call them on an I/O thread.
#pragma once

#include "address_policy.hpp"
#include "base/cancel.hpp"
#include "base/fd.hpp"

#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace agenthost::netclient {

using Clock = std::chrono::steady_clock;

// The deadline and cancellation of an operation. `cancel` must outlive it.
struct WaitLimits {
    const base::Cancel& cancel;
    Clock::time_point deadline = Clock::time_point::max();
};

enum class Wait { ready, timeout, cancelled, deadline };

// Waits until `fd` has one of `events` (or an error, which is "ready" too). fd < 0: a sleep that cancel ends.
Wait wait_for(int fd, short events, std::chrono::milliseconds timeout, const WaitLimits&);

// Where a stream socket connects to: an IP address and port, or a unix socket.
struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
    [[nodiscard]] const sockaddr& get() const { return reinterpret_cast<const sockaddr&>(storage); }
};

// The address of a unix socket. nullopt and `why` if the path is empty or longer than the kernel accepts (107
// bytes).
std::optional<Address> unix_address(const std::string& path, std::string& why);

// Returns at most 16 addresses from the system's resolver, in its order. Blocks until the resolver answers.
// On failure returns no addresses and sets `why` to the reason alone.
std::vector<Address> look_up(const std::string& host, std::uint16_t port, std::string& why);

bool all_loopback(const std::vector<Address>&);

// Resolves host names. getaddrinfo() cannot be interrupted, so each DNS lookup runs on its own thread, which
// the caller abandons after its timeout. At most `max_threads`; the destructor joins them, which the
// resolver's timeouts bound (2 s, 2 tries).
class Resolver {
public:
    explicit Resolver(std::size_t max_threads = 16) : max_threads_{max_threads} {}
    ~Resolver();
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    // Empty and `why` on failure. An address literal needs no thread.
    std::vector<Address> resolve(const std::string& host, std::uint16_t port,
                                 std::chrono::milliseconds timeout, const WaitLimits&, std::string& why);

private:
    struct Lookup;
    std::size_t max_threads_;
    std::mutex mutex_;
    std::list<std::pair<std::shared_ptr<Lookup>, std::thread>>
        threads_; // running, or finished and not joined yet
};

struct Connected {
    base::Fd socket;     // connected, non-blocking; TCP_NODELAY is set
    std::string why;     // when there is no socket: what failed, for people
    int error = 0;       // the same as errno
    bool denied = false; // the policy forbids every address: retrying is useless
    Wait wait = Wait::ready;
};
// Connects to an address that the configuration names, so no policy applies: a unix socket, a proxy.
Connected connect_to(const Address&, std::chrono::milliseconds timeout, const WaitLimits&);
Connected connect_to(const std::vector<Address>&, std::chrono::milliseconds timeout, const WaitLimits&);
// Connects to the first address that the policy admits and that answers. A unix socket is never admitted
// here.
Connected connect_to(const std::vector<Address>&, const AddressPolicy&, std::chrono::milliseconds timeout,
                     const WaitLimits&);

} // namespace agenthost::netclient
