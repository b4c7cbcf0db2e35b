// Holds the state that connections share: threads with their ticks, the tables, the disk pool; and the
// listening sockets. Any thread unless marked. Owned by Listeners and by every connection. Private to
// host/listener.
#pragma once

#include "base/fd.hpp"
#include "host/config/config.hpp"
#include "host/listener/disk_pool.hpp"
#include "host/listener/exchange.hpp"
#include "host/listener/farewell.hpp"
#include "host/listener/listener.hpp"
#include "host/net/stream.hpp"
#include "netclient/ip_address.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <list>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include <sys/socket.h>

namespace agenthost::host::listener {

namespace asio = boost::asio;
using net::error_code;
using Clock = std::chrono::steady_clock;

class Connection;

// The connections of one io_context and their coarse clock: one timer per thread instead of one per
// connection or message.
struct IoThread : std::enable_shared_from_this<IoThread> {
    explicit IoThread(asio::io_context& context) : io{context}, timer{std::in_place, context} {}
    void add(const std::shared_ptr<Connection>&);
    void remove(Connection*);
    void tick();
    // Stops the ticks for good.
    void end();
    // A copy, because operations may end connections.
    [[nodiscard]] std::vector<std::shared_ptr<Connection>> list() const;

    asio::io_context& io;
    // None after end(): connections of other loops keep this object longer than its loop lives.
    std::optional<asio::steady_timer> timer;
    bool ticking = false;
    std::unordered_map<Connection*, std::shared_ptr<Connection>> connections;
};

// Immutable; replaced as a whole by reload().
struct Settings {
    ListenerConfig config;
    // Null: plain.
    std::shared_ptr<netclient::RenewedTls> tls;
    // The parsed trusted_proxies.
    std::vector<netclient::IpRange> trusted;
};
using SettingsPtr = std::shared_ptr<const Settings>;

struct Server;
struct Acceptor;
using AcceptorPtr = std::shared_ptr<Acceptor>;

// A listener: one name, one set of limits, one or more bound sockets. Accepts on the first I/O thread;
// connections are distributed over all of them.
struct Listening : std::enable_shared_from_this<Listening> {
    explicit Listening(std::string n) : name{std::move(n)} {}
    // Starts accepting on the sockets that do not accept yet.
    void open(const std::shared_ptr<Server>&);
    // Stops accepting and removes the socket file.
    void close();
    SettingsPtr settings() const;
    void set(SettingsPtr);
    // Counts one more connection, in total and for its address; an empty key: in total only. False: over a
    // limit.
    bool admit(const std::string& key, const ListenerConfig&);
    void leave(const std::string& key);
    // Counts a connection of this client's address, separately from the total. An empty key is never refused.
    bool count(const std::string& key, const ListenerConfig&);
    void uncount(const std::string& key);
    // "https://127.0.0.1:3001", the best of its sockets; "unix:PATH".
    [[nodiscard]] std::string address() const;
    [[nodiscard]] ListenerStatus status() const;

    [[nodiscard]] std::vector<AcceptorPtr> acceptors() const;
    void add(AcceptorPtr);
    // Also closes it.
    void remove(const AcceptorPtr&);

    const std::string name;
    std::atomic<std::uint64_t> connections{0}, accepted{0}, refused{0}, requests{0}, websockets{0};

    // Reserves descriptors for connections that arrive when the process has no others left, so that the
    // control socket still answers.
    void keep_spares(std::size_t max);

private:
    bool use_spare();
    // On the acceptor's thread.
    void accept(const std::shared_ptr<Server>&, const AcceptorPtr&);
    void accepted_one(const std::shared_ptr<Server>&, int fd, const sockaddr_storage& peer,
                      std::uint64_t socket);
    bool count_locked(const std::string& key, const ListenerConfig&);
    [[nodiscard]] std::string scheme() const;

    mutable std::mutex mutex_;
    SettingsPtr settings_;
    std::vector<AcceptorPtr> acceptors_;
    // The serials of the sockets that accept.
    std::vector<std::uint64_t> opened_;
    std::unordered_map<std::string, std::uint32_t> per_address_;
    std::size_t max_spares_ = 0;
    // Once it is open: on the acceptor's thread.
    std::vector<base::Fd> spares_;
};
using ListeningPtr = std::shared_ptr<Listening>;

struct Server {
    // Connections whose peers keep sending after a refusal.
    static constexpr std::size_t max_lingering = 256;

    explicit Server(const std::vector<asio::io_context*>& contexts);

    // Reads the certificate files if they have changed, and reports the outcome. Blocking.
    netclient::TlsContextPtr check_certificate(const std::string& listener, netclient::RenewedTls&) const;
    IoThread& next_thread() { return *threads[next.fetch_add(1) % threads.size()]; }

    std::vector<std::shared_ptr<IoThread>> threads;
    std::atomic<std::size_t> next{0};
    // It may have accepted connections.
    std::atomic<bool> opened{false};
    std::atomic<bool> draining{false};
    // The number of connections.
    std::atomic<std::size_t> live{0};
    std::atomic<std::size_t> lingering{0};
    // On the first thread.
    std::shared_ptr<Farewells> farewells;
    Routes routes;
    ExchangeTable exchanges;
    // Protects `listenings`.
    mutable std::mutex mutex;
    std::map<std::string, ListeningPtr, std::less<>> listenings;
    // See Listeners.
    std::function<void(const std::string& listener, const std::string& problem)> on_renewal;
    // The last member, so that its threads end first.
    DiskPool disk;
};

// Runs `work` on the context's thread and waits; runs it here if the context no longer runs.
void run_on(asio::io_context&, const std::function<void()>& work);

} // namespace agenthost::host::listener
