#include "connections.hpp"

#include "netclient/net.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

namespace agenthost::docker::engine {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t read_size = 64 * 1024;
// The kernel's queue of the listening socket is full: the engine is busy accepting.
constexpr std::chrono::milliseconds connect_again{20};

bool still_open(Socket& socket)
{
    char byte;
    const auto n = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

} // namespace

Peer peer_of(int descriptor)
{
    Peer peer;
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (descriptor < 0 || ::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return peer;
    std::ifstream file{"/proc/" + std::to_string(credentials.pid) + "/stat"};
    std::string text{std::istreambuf_iterator<char>{file}, {}};
    // The name in parentheses may contain blanks; the start time is the 20th field after it.
    const auto name_end = text.rfind(')');
    if (name_end == std::string::npos) return peer;
    std::istringstream fields{text.substr(name_end + 1)};
    std::string field;
    for (int i = 0; i < 20; ++i)
        if (!(fields >> field)) return peer;
    peer.pid = credentials.pid;
    peer.started = std::strtoull(field.c_str(), nullptr, 10);
    return peer;
}

Connections::Connections(asio::io_context& io, std::string socket, Limits limits)
    : io_{io}, socket_{std::move(socket)}, limits_{limits},
      shell_{io,
             std::make_shared<std::string>(read_size, '\0'),
             [this](Exchange& exchange, Socket s) { on_over(exchange, std::move(s)); },
             [this](Exchange& exchange) { on_stale(exchange); },
             {}}
{
    if (const auto address = netclient::unix_address(socket_, why_not_))
        sockaddr_.assign(reinterpret_cast<const char*>(&address->storage), address->size);
}

Connections::~Connections()
{
    auto running = std::move(running_);
    for (auto& [key, exchange] : running) exchange->abandon();
}

std::shared_ptr<Exchange> Connections::make(Request request, Handlers handlers)
{
    request.context.socket = socket_;
    auto exchange = std::make_shared<Exchange>(shell_, std::move(request), std::move(handlers));
    running_.emplace(exchange.get(), exchange);
    exchange->begin();
    return exchange;
}

void Connections::launch(const std::shared_ptr<Exchange>& exchange, std::string prefix)
{
    if (exchange->over()) return;
    const Request& request = exchange->request();
    if (sockaddr_.empty()) return exchange->fail(error_of_request(request.context, why_not_));
    if (request.own_connection) {
        if (own_.size() >= limits_.max_own)
            return exchange->fail(error_of_queue(request.context, own_.size()));
        own_.insert(exchange.get());
        return connect(exchange, std::move(prefix));
    }
    if (shared_.size() < limits_.max_shared) return run(exchange, prefix);
    if (waiting_.size() >= limits_.max_waiting)
        std::erase_if(waiting_, [](const Waiting& one) {
            const auto waiting = one.exchange.lock();
            return !waiting || waiting->over();
        });
    if (waiting_.size() >= limits_.max_waiting)
        return exchange->fail(error_of_queue(request.context, waiting_.size()));
    waiting_.push_back({exchange, std::move(prefix)});
}

void Connections::run(const std::shared_ptr<Exchange>& exchange, const std::string& prefix)
{
    shared_.emplace(exchange.get(), prefix);
    Socket socket{io_};
    if (take_idle(socket)) return exchange->run(std::move(socket), true, prefix);
    connect(exchange, prefix);
}

bool Connections::take_idle(Socket& into)
{
    while (!idle_.empty()) {
        Socket socket = std::move(idle_.back());
        idle_.pop_back();
        if (!still_open(socket)) continue;
        into = std::move(socket);
        return true;
    }
    return false;
}

// Connecting to a unix socket never waits: it succeeds, fails, or EAGAIN asks to try again. Asio's
// async_connect takes EAGAIN for a connection in progress, so connect() is called directly.
void Connections::connect(const std::shared_ptr<Exchange>& exchange, std::string prefix)
{
    if (exchange->over()) return;
    Socket socket{io_};
    error_code error;
    socket.open(asio::local::stream_protocol{}, error);
    if (!error) socket.non_blocking(true, error);
    if (error) return exchange->fail(error_of_connect(exchange->request().context, error.value()));
    const auto* address = reinterpret_cast<const sockaddr*>(sockaddr_.data());
    if (::connect(socket.native_handle(), address, static_cast<socklen_t>(sockaddr_.size())) == 0)
        return exchange->run(std::move(socket), false, prefix);
    if (errno != EAGAIN) return exchange->fail(error_of_connect(exchange->request().context, errno));
    const auto timer = std::make_shared<asio::steady_timer>(io_, connect_again);
    timer->async_wait([this, timer, weak = std::weak_ptr{exchange}, prefix](error_code stopped) {
        const auto waiting = weak.lock();
        // An exchange that is not over was not abandoned, so this object still exists.
        if (!stopped && waiting && !waiting->over()) connect(waiting, prefix);
    });
}

void Connections::on_over(Exchange& exchange, Socket socket)
{
    const bool reusable = socket.is_open();
    own_.erase(&exchange);
    if (shared_.erase(&exchange) > 0 && reusable && idle_.size() < limits_.max_shared) {
        idle_.push_back(std::move(socket));
    }
    running_.erase(&exchange);
    run_next();
}

void Connections::run_next()
{
    while (!waiting_.empty() && shared_.size() < limits_.max_shared) {
        const Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        if (const auto exchange = next.exchange.lock(); exchange && !exchange->over())
            run(exchange, next.prefix);
    }
}

void Connections::on_stale(Exchange& exchange)
{
    const auto at = running_.find(&exchange);
    const auto prefix = shared_.find(&exchange);
    if (at != running_.end() && prefix != shared_.end()) connect(at->second, prefix->second);
}

} // namespace agenthost::docker::engine
