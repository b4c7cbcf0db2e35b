// Owns the connections to the engine's socket: a few that calls share, and one of its own for each request
// that lasts (streams) or must not wait (signals). On the I/O thread.
//
// Bounds: max_shared connections, max_waiting calls that wait for one of them, max_own connections of their
// own. A call beyond a bound ends with Cause::busy, and nothing was sent.
#pragma once

#include "exchange.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace agenthost::docker::engine {

// The process on the other end of the socket; for socket activation this is systemd.
struct Peer {
    int pid = 0;               // 0: unknown
    std::uint64_t started = 0; // in ticks since boot
    bool operator==(const Peer&) const = default;
};
Peer peer_of(int descriptor);

class Connections {
public:
    struct Limits {
        std::size_t max_shared = 4;
        std::size_t max_waiting = 256;
        std::size_t max_own = 1024;
    };

    Connections(boost::asio::io_context&, std::string socket, Limits);
    // Abandons every exchange: no handler is called afterwards.
    ~Connections();
    Connections(const Connections&) = delete;
    Connections& operator=(const Connections&) = delete;

    // Registers the exchange and starts its clock; launch() sends it.
    std::shared_ptr<Exchange> make(Request, Handlers);
    void launch(const std::shared_ptr<Exchange>&, std::string prefix);

    [[nodiscard]] std::size_t running() const { return running_.size(); }
    // When bytes last arrived from the engine.
    [[nodiscard]] Clock::time_point heard() const { return shell_.heard; }
    [[nodiscard]] const std::string& socket() const { return socket_; }

private:
    struct Waiting {
        std::weak_ptr<Exchange> exchange;
        std::string prefix;
    };
    void run(const std::shared_ptr<Exchange>&, const std::string& prefix);
    void connect(const std::shared_ptr<Exchange>&, std::string prefix);
    void run_next();
    void on_over(Exchange&, Socket);
    void on_stale(Exchange&);
    bool take_idle(Socket& into);

    boost::asio::io_context& io_;
    std::string socket_, why_not_;
    std::string sockaddr_; // of the socket's path; empty: the path is not usable
    Limits limits_;
    Exchange::Shell shell_;
    std::unordered_map<Exchange*, std::shared_ptr<Exchange>> running_;
    std::unordered_map<Exchange*, std::string> shared_; // those that hold a shared connection, with prefix
    std::unordered_set<Exchange*> own_;                 // those that hold one of their own
    std::deque<Waiting> waiting_;
    std::vector<Socket> idle_;
};

} // namespace agenthost::docker::engine
