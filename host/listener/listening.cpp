// Accepting: fast in the loop, capped in all and per address, spread over the I/O threads.
#include "acceptor.hpp"
#include "connection.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <cerrno>

#include <fcntl.h>

#include <netinet/in.h>
#include <sys/socket.h>

namespace agenthost::host::listener {
using namespace std::chrono_literals;

namespace {

constexpr int accepts_per_turn = 64;
constexpr auto tick_every = 250ms; // time-outs are whole seconds: a quarter is exact enough

// Over a cap: a word to plain HTTP clients, as far as their socket buffer takes it, and the end. With TLS only the end: a
// handshake is what the cap is to save.
void turn_away(int fd, bool tls)
{
    static constexpr char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\nContent-Length: "
                                   "0\r\nConnection: close\r\n\r\n";
    if (!tls) ::send(fd, busy, sizeof busy - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(fd, SHUT_WR);
    char waste[4096]; // what has come already would make the close a reset
    while (::recv(fd, waste, sizeof waste, MSG_DONTWAIT) > 0) {}
    ::close(fd);
}

// The address without its port; IPv4 in IPv6 as IPv4, IPv6 by its /64: a household has that many addresses. Empty: unix.
std::string address_key(const sockaddr_storage& address)
{
    if (address.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        return {reinterpret_cast<const char*>(&v4.sin_addr), 4};
    }
    if (address.ss_family != AF_INET6) return {};
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    const auto* bytes = reinterpret_cast<const char*>(&v6.sin6_addr);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return {bytes + 12, 4};
    if (IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr)) return {bytes, 16};
    return {bytes, 8};
}

} // namespace

void IoThread::add(const std::shared_ptr<Connection>& connection)
{
    connections.emplace(connection.get(), connection);
    if (ticking || !timer) return;
    ticking = true;
    tick();
}

void IoThread::remove(Connection* connection) { connections.erase(connection); }

std::vector<std::shared_ptr<Connection>> IoThread::list() const
{
    std::vector<std::shared_ptr<Connection>> all;
    all.reserve(connections.size());
    for (const auto& [raw, connection] : connections) all.push_back(connection);
    return all;
}

// The connections that still wait for the disk are held by what they wait for, and go with it.
void IoThread::end()
{
    timer.reset();
    connections.clear();
}

void IoThread::tick()
{
    timer->expires_after(tick_every);
    timer->async_wait([self = shared_from_this()](error_code ec) {
        if (ec || !self->timer || self->connections.empty()) {
            self->ticking = false;
            return;
        }
        const auto now = Clock::now();
        for (auto it = self->connections.begin(); it != self->connections.end();) {
            const auto connection = (it++)->second; // its tick may end it, and nothing else
            connection->tick(now);
        }
        self->tick();
    });
}

SettingsPtr Listening::settings() const
{
    const std::scoped_lock lock{mutex_};
    return settings_;
}

void Listening::set(SettingsPtr settings)
{
    const std::scoped_lock lock{mutex_};
    settings_ = std::move(settings);
}

bool Listening::admit(const std::string& key, const ListenerConfig& config)
{
    const std::scoped_lock lock{mutex_};
    if (connections >= config.connections) return false;
    if (!key.empty()) {
        auto& mine = per_address_[key];
        if (mine >= config.per_address) return false;
        ++mine;
    }
    ++connections;
    return true;
}

void Listening::leave(const std::string& key)
{
    const std::scoped_lock lock{mutex_};
    --connections;
    const auto mine = per_address_.find(key);
    if (mine != per_address_.end() && --mine->second == 0) per_address_.erase(mine);
}

ListenerStatus Listening::status() const
{
    return {.name = name,
            .address = address,
            .connections = connections,
            .accepted = accepted,
            .refused = refused,
            .requests = requests,
            .websockets = websockets};
}

void Listening::accept(const std::shared_ptr<Server>& server)
{
    const auto current = acceptor;
    if (!current || !current->descriptor.is_open()) return;
    keep_spares(most_spares_);
    current->descriptor.async_wait(
        net::Core::Descriptor::wait_read, [self = shared_from_this(), current, server](error_code ec) {
            if (ec || !current->descriptor.is_open()) return;
            for (int i = 0; i < accepts_per_turn; ++i) {
                sockaddr_storage address{};
                socklen_t size = sizeof address;
                const int fd =
                    ::accept4(current->descriptor.native_handle(), reinterpret_cast<sockaddr*>(&address),
                              &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd >= 0) {
                    self->accepted_one(server, fd, address_key(address));
                    continue;
                }
                if (errno == EAGAIN) break;
                if (errno == EMFILE && self->use_spare()) continue;
                if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
                    continue;                        // that connection died
                current->timer.expires_after(100ms); // nothing is free: the backlog waits, we do not spin
                return current->timer.async_wait([self, server](error_code stopped) {
                    if (!stopped) self->accept(server);
                });
            }
            self->accept(server);
        });
}

void Listening::keep_spares(std::size_t n)
{
    most_spares_ = n;
    while (spares_.size() < n) {
        kit::Fd fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
        if (!fd) return;
        spares_.push_back(std::move(fd));
    }
}

bool Listening::use_spare()
{
    if (spares_.empty()) return false;
    spares_.pop_back();
    return true;
}

void Listening::accepted_one(const std::shared_ptr<Server>& server, int fd, const std::string& key)
{
    ++accepted;
    const auto now = settings();
    if (!admit(key, now->config)) {
        ++refused;
        return turn_away(fd, now->tls != nullptr);
    }
    IoThread& thread = server->next_thread();
    auto connection = std::make_shared<Connection>(server, thread, shared_from_this(), now, fd, key);
    asio::dispatch(thread.io, [connection = std::move(connection)] { connection->start(); });
}

void Listening::close()
{
    if (!acceptor) return;
    acceptor->remove_file(); // at once, so that a successor can bind
    if (!opened) {           // nobody waits on it, and perhaps nobody runs its loop
        ::shutdown(acceptor->descriptor.native_handle(), SHUT_RDWR);
        return acceptor.reset();
    }
    run_on(acceptor->io, [this] {
        error_code ignored;
        // A child process holds a copy of the socket between its fork and its exec. Shutting it down ends the listening for
        // every copy, so that the address can be bound again at once.
        ::shutdown(acceptor->descriptor.native_handle(), SHUT_RDWR);
        acceptor->descriptor.close(ignored);
        acceptor->timer.cancel();
        acceptor.reset(); // now: connections hold us, and may outlive the loop its timer belongs to
    });
}

void run_on(asio::io_context& io, const std::function<void()>& work)
{
    struct Once {
        std::mutex mutex;
        std::condition_variable changed;
        bool taken = false, done = false;
    };
    if (io.stopped() || io.get_executor().running_in_this_thread()) return work();
    const auto once = std::make_shared<Once>();
    asio::post(io, [once, &work] {
        {
            const std::scoped_lock lock{once->mutex};
            if (std::exchange(once->taken, true)) return;
        }
        work();
        const std::scoped_lock lock{once->mutex};
        once->done = true;
        once->changed.notify_all();
    });
    std::unique_lock lock{once->mutex};
    for (auto waited = 0ms; !once->changed.wait_for(lock, 20ms, [&] { return once->done; }); waited += 20ms) {
        // Nobody runs the context any more, or nobody ever did (5 s is longer than any callback may block it).
        const bool abandoned = io.stopped() || waited > 5s;
        if (abandoned && !std::exchange(once->taken, true)) {
            lock.unlock();
            return work();
        }
    }
}

} // namespace agenthost::host::listener
