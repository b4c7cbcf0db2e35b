// Blocking network steps that a cancel wakes and a clock bounds: wait on a descriptor, resolve a name, connect. For threads of a
// transfer; never call them on an I/O thread.
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
#include <string>
#include <thread>
#include <vector>

namespace agenthost::netclient {

using Clock = std::chrono::steady_clock;

// How long whatever we do may go on. `cancel` outlives it.
struct Patience {
    const base::Cancel& cancel;
    Clock::time_point deadline = Clock::time_point::max();
};

enum class Wait { ready, timeout, cancelled, deadline };

// Until `fd` has one of `events` (or an error, which is "ready" too). fd < 0: a sleep that cancel ends.
Wait wait_for(int fd, short events, std::chrono::milliseconds most, const Patience&);

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
    [[nodiscard]] const sockaddr& get() const { return reinterpret_cast<const sockaddr&>(storage); }
};

// getaddrinfo() cannot be interrupted, so each look-up of a name runs on a thread of its own, which the caller leaves behind when
// it loses patience. At most `most` threads; the destructor joins them, which the resolver's own time-outs bound (2 s, 2 tries).
class Resolver {
public:
    explicit Resolver(std::size_t most = 16) : most_{most} {}
    ~Resolver();
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    // Empty and `why` on failure. An address literal needs no thread.
    std::vector<Address> resolve(const std::string& host, std::uint16_t port, std::chrono::milliseconds most,
                                 const Patience&, std::string& why);

private:
    struct Lookup;
    std::size_t most_;
    std::mutex mutex_;
    std::list<std::pair<std::shared_ptr<Lookup>, std::thread>>
        threads_; // running, or finished and not joined yet
};

// A connected, non-blocking socket with TCP_NODELAY, to the first address that the policy admits and that answers.
struct Connected {
    base::Fd socket;
    std::string why;     // when there is no socket: what failed, for people
    bool denied = false; // every address is against the policy: no use in trying again
    Wait wait = Wait::ready;
};
Connected connect_to(const std::vector<Address>&, const AddressPolicy&, std::chrono::milliseconds timeout,
                     const Patience&);

} // namespace agenthost::netclient
