// Accepts connections, limits them in total and per address, and distributes them over the I/O threads.
#include "acceptor.hpp"
#include "connection.hpp"
#include "netclient/address_key.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/socket.h>

namespace agenthost::host::listener {
using namespace std::chrono_literals;

namespace {

constexpr int accepts_per_turn = 64;
// Time-outs are whole seconds, so a quarter is exact enough.
constexpr auto tick_every = 250ms;

// Over a limit: plain HTTP clients get an answer, as far as their socket buffer accepts it. TLS connections
// are only closed: the limit is meant to save the handshake.
void turn_away(Farewells& farewells, int fd, bool tls)
{
    static constexpr char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\nContent-Length: "
                                   "0\r\nConnection: close\r\n\r\n";
    if (!tls) ::send(fd, busy, sizeof busy - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    farewells.take(fd);
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

// Connections that still wait for the disk are held by the job they wait for, and end with it.
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
            const auto connection = (it++)->second; // its tick may end this connection and no other
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

bool Listening::count_locked(const std::string& key, const ListenerConfig& config)
{
    if (key.empty()) return true;
    auto& mine = per_address_[key];
    if (mine >= config.per_address) return false;
    ++mine;
    return true;
}

bool Listening::admit(const std::string& key, const ListenerConfig& config)
{
    const std::scoped_lock lock{mutex_};
    if (connections >= config.connections || !count_locked(key, config)) return false;
    ++connections;
    return true;
}

void Listening::leave(const std::string& key)
{
    uncount(key);
    --connections;
}

bool Listening::count(const std::string& key, const ListenerConfig& config)
{
    const std::scoped_lock lock{mutex_};
    return count_locked(key, config);
}

void Listening::uncount(const std::string& key)
{
    const std::scoped_lock lock{mutex_};
    const auto mine = per_address_.find(key);
    if (mine != per_address_.end() && --mine->second == 0) per_address_.erase(mine);
}

std::vector<AcceptorPtr> Listening::acceptors() const
{
    const std::scoped_lock lock{mutex_};
    return acceptors_;
}

void Listening::add(AcceptorPtr acceptor)
{
    const std::scoped_lock lock{mutex_};
    acceptors_.push_back(std::move(acceptor));
}

std::string Listening::scheme() const
{
    if (!acceptors_.empty() && !acceptors_.front()->path.empty()) return {};
    return settings_ && settings_->tls ? "https://" : "http://";
}

std::string Listening::address() const
{
    const std::scoped_lock lock{mutex_};
    return acceptors_.empty() ? std::string{} : scheme() + best_address(acceptors_);
}

ListenerStatus Listening::status() const
{
    ListenerStatus now{.name = name,
                       .address = address(),
                       .connections = connections,
                       .accepted = accepted,
                       .refused = refused,
                       .requests = requests,
                       .websockets = websockets};
    const std::scoped_lock lock{mutex_};
    for (const auto& acceptor : acceptors_) now.addresses.push_back(scheme() + acceptor->address);
    if (settings_ && settings_->tls) now.tls_problem = settings_->tls->problem();
    return now;
}

void Listening::open(const std::shared_ptr<Server>& server)
{
    const std::scoped_lock lock{mutex_};
    for (const auto& acceptor : acceptors_) {
        if (std::ranges::find(opened_, acceptor->serial) != opened_.end()) continue;
        opened_.push_back(acceptor->serial);
        asio::post(acceptor->io,
                   [self = shared_from_this(), acceptor, server] { self->accept(server, acceptor); });
    }
}

void Listening::accept(const std::shared_ptr<Server>& server, const AcceptorPtr& acceptor)
{
    if (!acceptor->descriptor.is_open()) return;
    keep_spares(max_spares_);
    acceptor->descriptor.async_wait(
        net::Core::Descriptor::wait_read, [self = shared_from_this(), acceptor, server](error_code ec) {
            if (ec || !acceptor->descriptor.is_open()) return;
            for (int i = 0; i < accepts_per_turn; ++i) {
                sockaddr_storage address{};
                socklen_t size = sizeof address;
                const int fd =
                    ::accept4(acceptor->descriptor.native_handle(), reinterpret_cast<sockaddr*>(&address),
                              &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd >= 0) {
                    self->accepted_one(server, fd, address, acceptor->serial);
                    continue;
                }
                if (errno == EAGAIN) break;
                if (errno == EMFILE && self->use_spare()) continue;
                if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
                    continue; // that connection was reset
                // No resources are free: the backlog waits, and we do not spin.
                acceptor->timer.expires_after(100ms);
                return acceptor->timer.async_wait([self, server, acceptor](error_code stopped) {
                    if (!stopped) self->accept(server, acceptor);
                });
            }
            self->accept(server, acceptor);
        });
}

void Listening::keep_spares(std::size_t max)
{
    max_spares_ = max;
    while (spares_.size() < max) {
        base::Fd fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
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

void Listening::accepted_one(const std::shared_ptr<Server>& server, int fd, const sockaddr_storage& peer,
                             std::uint64_t socket)
{
    ++accepted;
    const auto now = settings();
    const auto ip = netclient::ip_of(reinterpret_cast<const sockaddr*>(&peer)); // null: a unix socket
    // A proxy's own address has no limit: the clients behind it are counted once they are known.
    const bool trusted = ip && netclient::any_contains(now->trusted, *ip);
    const std::string key = ip && !trusted ? netclient::address_key(ip->text()) : std::string{};
    if (!admit(key, now->config)) {
        ++refused;
        return turn_away(*server->farewells, fd, now->tls != nullptr);
    }
    IoThread& thread = server->next_thread();
    auto connection =
        std::make_shared<Connection>(server, thread, shared_from_this(), now,
                                     Accepted{.fd = fd, .key = key, .trusted = trusted, .socket = socket});
    asio::dispatch(thread.io, [connection = std::move(connection)] { connection->start(); });
}

void Listening::remove(const AcceptorPtr& acceptor)
{
    bool accepts = false;
    {
        const std::scoped_lock lock{mutex_};
        std::erase(acceptors_, acceptor);
        accepts = std::erase(opened_, acceptor->serial) != 0;
    }
    acceptor->remove_file(); // at once, so that a successor can bind
    if (!accepts) {          // nothing waits for it, and perhaps its loop does not run
        error_code ignored;
        ::shutdown(acceptor->descriptor.native_handle(), SHUT_RDWR);
        acceptor->descriptor.close(ignored);
        return;
    }
    run_on(acceptor->io, [&] {
        error_code ignored;
        // A child process has a copy of the socket between its fork and its exec. A shutdown ends the
        // listening of every copy, so that the address can be bound again at once.
        ::shutdown(acceptor->descriptor.native_handle(), SHUT_RDWR);
        acceptor->descriptor.close(ignored);
        acceptor->timer.cancel();
    });
}

// Removes all sockets: connections hold us, and may outlive the loop that the sockets belong to.
void Listening::close()
{
    for (const auto& acceptor : acceptors()) remove(acceptor);
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
        // The context no longer runs, or never did: no callback may block it for 5 s.
        const bool abandoned = io.stopped() || waited > 5s;
        if (abandoned && !std::exchange(once->taken, true)) {
            lock.unlock();
            return work();
        }
    }
}

} // namespace agenthost::host::listener
