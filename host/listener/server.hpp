// State shared by connections: threads with their ticks, the tables, the disk pool; and the listening
// sockets. Private to the room.
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
    void end(); // no more ticks, permanently
    [[nodiscard]] std::vector<std::shared_ptr<Connection>>
    list() const; // a copy, because operations may end connections

    asio::io_context& io;
    // None after end(): connections of other loops keep this object longer than its loop lives.
    std::optional<asio::steady_timer> timer;
    bool ticking = false;
    std::unordered_map<Connection*, std::shared_ptr<Connection>> connections;
};

// Immutable; replaced as a whole by reload().
struct Settings {
    ListenerConfig config;
    std::shared_ptr<netclient::RenewedTls> tls; // null: plain
    std::vector<netclient::IpRange> trusted;    // trusted_proxies
};
using SettingsPtr = std::shared_ptr<const Settings>;

struct Server;
struct Acceptor;
using AcceptorPtr = std::shared_ptr<Acceptor>;

// A listener: one name, one set of limits, one or more bound sockets. Accepts on the first I/O thread;
// connections are distributed over all of them.
struct Listening : std::enable_shared_from_this<Listening> {
    explicit Listening(std::string n) : name{std::move(n)} {}
    void open(const std::shared_ptr<Server>&); // [any] accepts on the sockets that do not yet
    void close();                              // [any] stops accepting and removes the socket file
    SettingsPtr settings() const;
    void set(SettingsPtr);
    bool admit(const std::string& key,
               const ListenerConfig&); // one more connection; the key empty: in all only
    void leave(const std::string& key);
    // Counts a connection of this client's address, separately from the total. An empty key is never refused.
    bool count(const std::string& key, const ListenerConfig&);
    void uncount(const std::string& key);
    [[nodiscard]] std::string
    address() const; // "https://127.0.0.1:3001": the best of its sockets; "unix:PATH"
    [[nodiscard]] ListenerStatus status() const;

    [[nodiscard]] std::vector<AcceptorPtr> acceptors() const;
    void add(AcceptorPtr);
    void remove(const AcceptorPtr&); // and closes it

    const std::string name;
    std::atomic<std::uint64_t> connections{0}, accepted{0}, refused{0}, requests{0}, websockets{0};

    // Reserved descriptors for connections when the process has no others left, so that the control socket
    // still answers.
    void keep_spares(std::size_t n);

private:
    bool use_spare();
    void accept(const std::shared_ptr<Server>&, const AcceptorPtr&); // [its thread]
    void accepted_one(const std::shared_ptr<Server>&, int fd, const sockaddr_storage& peer,
                      std::uint64_t socket);
    bool count_locked(const std::string& key, const ListenerConfig&);
    [[nodiscard]] std::string scheme() const;

    mutable std::mutex mutex_;
    SettingsPtr settings_;
    std::vector<AcceptorPtr> acceptors_;
    std::vector<std::uint64_t> opened_; // serials of the sockets that accept
    std::unordered_map<std::string, std::uint32_t> per_address_;
    std::size_t most_spares_ = 0;
    std::vector<base::Fd> spares_; // [its thread], once it is open
};
using ListeningPtr = std::shared_ptr<Listening>;

struct Server {
    static constexpr std::size_t max_lingering = 256; // connections whose peers keep sending after a refusal

    explicit Server(const std::vector<asio::io_context*>& contexts);

    IoThread& next_thread() { return *threads[next.fetch_add(1) % threads.size()]; }

    std::vector<std::shared_ptr<IoThread>> threads;
    std::atomic<std::size_t> next{0};
    std::atomic<bool> opened{false}; // it may have accepted connections
    std::atomic<bool> draining{false};
    std::atomic<std::size_t> live{0}; // connections
    std::atomic<std::size_t> lingering{0};
    std::shared_ptr<Farewells> farewells; // on the first thread
    Routes routes;
    ExchangeTable exchanges;
    mutable std::mutex mutex; // of listenings
    std::map<std::string, ListeningPtr, std::less<>> listenings;
    std::function<void(const std::string& listener, const std::string& problem)> on_renewal; // see Listeners
    DiskPool disk; // last: its threads end first
};

// Runs `work` on the context's thread and waits; runs it here if the context no longer runs.
void run_on(asio::io_context&, const std::function<void()>& work);

} // namespace agenthost::host::listener
