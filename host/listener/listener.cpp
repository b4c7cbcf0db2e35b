#include "listener.hpp"

#include "acceptor.hpp"
#include "connection.hpp"

#include <boost/asio/post.hpp>

#include <unistd.h>

namespace agenthost::host {
using namespace listener;
using namespace std::chrono_literals;
using Phase = Exchange::Phase;

struct Listeners::Impl {
    explicit Impl(const std::vector<boost::asio::io_context*>& io) : server{std::make_shared<Server>(io)} {}

    ListeningPtr find(std::string_view name) const
    {
        const std::scoped_lock lock{server->mutex};
        const auto found = server->listenings.find(name);
        return found == server->listenings.end() ? nullptr : found->second;
    }

    std::vector<ListeningPtr> all() const
    {
        std::vector<ListeningPtr> list;
        const std::scoped_lock lock{server->mutex};
        for (const auto& [name, listening] : server->listenings) list.push_back(listening);
        return list;
    }

    // On every I/O thread in turn; waits.
    void each_connection(const std::function<void(Connection&)>& work) const
    {
        for (const auto& thread : server->threads) {
            run_on(thread->io, [&] {
                for (const auto& connection : thread->list()) work(*connection);
            });
        }
    }

    void forget(const std::shared_ptr<Owner>& owner) const;
    // Room for `n` bytes in the exchange's queue, or BUSY and a promise of on_writable.
    static agh_status reserve(const ExchangePtr&, std::size_t n);
    ExchangePtr websocket(agh_conn) const; // null: none, or no WebSocket

    std::shared_ptr<Server> server;
};

namespace listener {

Server::Server(const std::vector<asio::io_context*>& contexts)
{
    for (auto* context : contexts) threads.push_back(std::make_shared<IoThread>(*context));
}

} // namespace listener

namespace {

struct MadeSettings {
    SettingsPtr settings;
    std::string problem;
};

MadeSettings make_settings(const ListenerConfig& config)
{
    auto settings = std::make_shared<Settings>();
    settings->config = config;
    if (config.tls) {
        auto tls = net::make_server_context(*config.tls);
        if (!tls.context) return {nullptr, "listener " + config.name + ": " + tls.problem};
        settings->tls = std::move(tls.context);
    }
    return {std::move(settings), {}};
}

bool is_loopback(std::string_view address)
{
    return address.starts_with("127.") || address.starts_with("[::1]");
}

std::string text(agh_bytes bytes) { return {static_cast<const char*>(bytes.data), bytes.size}; }

} // namespace

Listeners::Listeners(std::vector<boost::asio::io_context*> io) : impl_{std::make_unique<Impl>(io)} {}

Listeners::~Listeners()
{
    for (const auto& listening : impl_->all()) listening->close();
    impl_->each_connection([](Connection& c) { c.abort(); });
    for (const auto& thread : impl_->server->threads) run_on(thread->io, [&] { thread->timer.cancel(); });
}

std::string Listeners::add(const ListenerConfig& config)
{
    if (impl_->find(config.name)) return "listener " + config.name + ": the name is used twice. Give each listener its own.";
    auto made = make_settings(config);
    if (!made.settings) return made.problem;
    auto listening = std::make_shared<Listening>(config.name);
    std::string problem, address;
    listening->acceptor = bind_tcp(impl_->server->threads.front()->io, config.bind, address, problem);
    if (!listening->acceptor) return "listener " + config.name + ": " + problem;
    if (!config.tls && !config.insecure && !is_loopback(address)) {
        return "listener " + config.name + ": plain HTTP on " + address +
               " can be read by others on the way. Configure tls, bind to 127.0.0.1, or set insecure: true if you mean it.";
    }
    listening->address = (config.tls ? "https://" : "http://") + address;
    listening->set(std::move(made.settings));
    const std::scoped_lock lock{impl_->server->mutex};
    impl_->server->listenings.emplace(config.name, std::move(listening));
    return {};
}

std::string Listeners::add_unix(const std::string& name, const std::string& path)
{
    if (impl_->find(name)) return "listener " + name + ": the name is used twice. Give each listener its own.";
    auto listening = std::make_shared<Listening>(name);
    std::string problem;
    listening->acceptor = bind_unix(impl_->server->threads.front()->io, path, problem);
    if (!listening->acceptor) return "listener " + name + ": " + problem;
    listening->address = "unix:" + path;
    auto settings = std::make_shared<Settings>();
    settings->config.name = name;
    listening->set(std::move(settings));
    const std::scoped_lock lock{impl_->server->mutex};
    impl_->server->listenings.emplace(name, std::move(listening));
    return {};
}

void Listeners::open()
{
    for (const auto& listening : impl_->all()) {
        if (std::exchange(listening->opened, true)) continue;
        asio::post(listening->acceptor->io, [listening, server = impl_->server] { listening->accept(server); });
    }
}

std::string Listeners::remove(std::string_view name)
{
    const auto listening = impl_->find(name);
    if (!listening) return "listener " + std::string{name} + ": there is none of that name.";
    {
        const std::scoped_lock lock{impl_->server->mutex};
        impl_->server->listenings.erase(listening->name);
    }
    listening->close();
    impl_->each_connection([&](Connection& c) {
        if (&c.listening() == listening.get()) c.drain();
    });
    return {};
}

std::string Listeners::reload(const ListenerConfig& config)
{
    const auto listening = impl_->find(config.name);
    if (!listening) return "listener " + config.name + ": there is none of that name.";
    const auto before = listening->settings();
    if (before->config.bind != config.bind || before->config.tls.has_value() != config.tls.has_value()) {
        return "listener " + config.name + ": `bind`, and whether there is `tls`, cannot change while it runs. Restart agenthost.";
    }
    auto made = make_settings(config);
    if (!made.settings) return made.problem;
    listening->set(std::move(made.settings));
    return {};
}

agh_status Listeners::route(std::string_view owner, std::string_view json, const agh_route_api* api, void* ctx)
{
    const auto request = parse_route(json);
    if (!request || !api || !AGH_HAS(api, on_request)) return AGH_E_INVALID;
    if (!impl_->find(request->key.listener)) return AGH_E_NOT_FOUND;
    Route route;
    route.owner_name = owner;
    route.owner = impl_->server->routes.owner(owner);
    route.api = complete_api(api);
    route.ctx = ctx;
    route.body_timeout = request->body_timeout;
    route.answer_timeout = request->answer_timeout;
    return impl_->server->routes.add(request->key, std::make_shared<const Route>(std::move(route)));
}

void Listeners::Impl::forget(const std::shared_ptr<Owner>& owner) const
{
    for (const auto& exchange : server->exchanges.of(owner.get())) {
        exchange->connection->post([connection = exchange->connection] { connection->abort(); });
    }
    std::unique_lock lock{owner->mutex};
    while (!owner->none_left.wait_for(lock, 50ms, [&] { return owner->live == 0; })) {
        bool running = false; // without a running loop no callback can come any more
        for (const auto& thread : server->threads) running = running || !thread->io.stopped();
        if (!running) return;
        lock.unlock(); // one that was being made while we looked
        for (const auto& exchange : server->exchanges.of(owner.get())) {
            exchange->connection->post([connection = exchange->connection] { connection->abort(); });
        }
        lock.lock();
    }
}

agh_status Listeners::Impl::reserve(const ExchangePtr& exchange, std::size_t n)
{
    if (exchange->reserve(n)) return AGH_OK;
    exchange->blocked = true;
    if (exchange->queued <= exchange->queue_limit / 2) { // it emptied in between, and nobody saw `blocked`
        exchange->connection->post([exchange] { exchange->connection->check_writable(exchange); });
    }
    return AGH_E_BUSY;
}

ExchangePtr Listeners::Impl::websocket(agh_conn id) const
{
    auto exchange = server->exchanges.find(id);
    if (!exchange) return nullptr;
    const Phase phase = exchange->phase;
    return phase == Phase::upgrading || phase == Phase::websocket ? exchange : nullptr;
}

void Listeners::forget(std::string_view name)
{
    if (const auto owner = impl_->server->routes.forget(name)) impl_->forget(owner);
}

std::string Listeners::address(std::string_view name) const
{
    const auto listening = impl_->find(name);
    return listening ? listening->address : std::string{};
}

agh_status Listeners::answer(agh_conn id, int status, std::string_view headers_json, const agh_blob* blob)
{
    Reply reply;
    reply.status = status;
    if (blob) {
        reply.has_body = true;
        if (blob->fd >= 0) reply.fd.reset(blob->fd); // ours now, whatever comes
        reply.offset = blob->offset;
        reply.length = blob->length;
        if (blob->fd < 0) reply.text = text(blob->inl);
        if (AGH_HAS(blob, media_type.data) && blob->media_type.size != 0) reply.headers.emplace_back("Content-Type", text(blob->media_type));
    }
    auto headers = parse_headers_json(headers_json);
    if (!headers || status < 200 || status > 599) return AGH_E_INVALID;
    reply.headers.insert(reply.headers.end(), headers->begin(), headers->end());
    const auto exchange = impl_->server->exchanges.find(id);
    if (!exchange) return AGH_E_STALE;
    if (!exchange->move(Phase::asked, Phase::answering) && !exchange->move(Phase::received, Phase::answering)) return AGH_E_STALE;
    auto shared = std::make_shared<Reply>(std::move(reply)); // std::function copies
    exchange->connection->post([exchange, shared] { exchange->connection->do_answer(exchange, std::move(*shared)); });
    return AGH_OK;
}

agh_status Listeners::receive(agh_conn id, int fd, std::uint64_t offset, std::uint64_t max)
{
    const auto exchange = impl_->server->exchanges.find(id);
    if (!exchange || !exchange->move(Phase::asked, Phase::receiving)) return AGH_E_STALE;
    exchange->connection->post([exchange, fd, offset, max] { exchange->connection->do_receive(exchange, fd, offset, max); });
    return AGH_OK;
}

agh_status Listeners::upgrade(agh_conn id, std::string_view headers_json, std::string_view limits_json)
{
    auto headers = parse_headers_json(headers_json);
    WebSocketLimits limits;
    if (!headers || !merge_limits(limits, limits_json)) return AGH_E_INVALID;
    const auto exchange = impl_->server->exchanges.find(id);
    if (!exchange) return AGH_E_STALE;
    if (!exchange->websocket) return AGH_E_INVALID;
    if (!exchange->move(Phase::asked, Phase::upgrading)) return AGH_E_STALE;
    exchange->queue_limit = limits.send_queue;
    exchange->connection->post([exchange, limits, headers = std::move(*headers)] { exchange->connection->do_upgrade(exchange, headers, limits); });
    return AGH_OK;
}

agh_status Listeners::send(agh_conn id, int opcode, std::string_view message)
{
    if (opcode != AGH_WS_TEXT && opcode != AGH_WS_BINARY) return AGH_E_INVALID;
    const auto exchange = impl_->server->exchanges.find(id);
    if (!exchange) return AGH_E_STALE;
    const Phase phase = exchange->phase;
    if (phase != Phase::upgrading && phase != Phase::websocket) return AGH_E_STALE;
    if (const auto status = Impl::reserve(exchange, message.size()); status != AGH_OK) return status;
    if (exchange->connection->sends_directly()) {
        exchange->connection->do_send(exchange, opcode, std::string{message});
    } else {
        exchange->connection->post([exchange, opcode, copy = std::string{message}]() mutable {
            exchange->connection->do_send(exchange, opcode, std::move(copy));
        });
    }
    return AGH_OK;
}

agh_status Listeners::limits(agh_conn id, std::string_view json)
{
    WebSocketLimits check;
    if (!merge_limits(check, json)) return AGH_E_INVALID;
    const auto exchange = impl_->websocket(id);
    if (!exchange) return AGH_E_STALE;
    exchange->connection->post([exchange, copy = std::string{json}] { exchange->connection->do_limits(exchange, copy); });
    return AGH_OK;
}

agh_status Listeners::pause(agh_conn id, bool on)
{
    const auto exchange = impl_->websocket(id);
    if (!exchange) return AGH_E_STALE;
    exchange->connection->post([exchange, on] { exchange->connection->do_pause(exchange, on); });
    return AGH_OK;
}

agh_status Listeners::close(agh_conn id, int code, std::string_view reason)
{
    const auto exchange = impl_->server->exchanges.find(id);
    if (!exchange) return AGH_E_STALE;
    exchange->connection->post([exchange, code, copy = std::string{reason}] { exchange->connection->do_close(exchange, code, copy); });
    return AGH_OK;
}

agh_status Listeners::answer_begin(agh_conn id, int status, std::string_view headers_json)
{
    auto headers = parse_headers_json(headers_json);
    if (!headers || status < 200 || status > 599) return AGH_E_INVALID;
    const auto exchange = impl_->server->exchanges.find(id);
    if (!exchange) return AGH_E_STALE;
    if (!exchange->move(Phase::asked, Phase::streaming) && !exchange->move(Phase::received, Phase::streaming)) return AGH_E_STALE;
    exchange->connection->post([exchange, status, headers = std::move(*headers)] { exchange->connection->do_begin(exchange, status, headers); });
    return AGH_OK;
}

agh_status Listeners::answer_chunk(agh_conn id, std::string_view data)
{
    const auto exchange = impl_->server->exchanges.find(id);
    if (!exchange || exchange->phase != Phase::streaming) return AGH_E_STALE;
    if (const auto status = Impl::reserve(exchange, data.size()); status != AGH_OK) return status;
    exchange->connection->post([exchange, copy = std::string{data}]() mutable { exchange->connection->do_chunk(exchange, std::move(copy)); });
    return AGH_OK;
}

agh_status Listeners::answer_end(agh_conn id)
{
    const auto exchange = impl_->server->exchanges.find(id);
    if (!exchange || !exchange->move(Phase::streaming, Phase::answering)) return AGH_E_STALE;
    exchange->connection->post([exchange] { exchange->connection->do_end(exchange); });
    return AGH_OK;
}

namespace {

void on_each(IoThread& thread, void (*work)(Connection&))
{
    for (const auto& connection : thread.list()) work(*connection);
}

// Looks every 10 ms whether the last connection is gone; drops what is left after the grace.
struct Drain : std::enable_shared_from_this<Drain> {
    Drain(std::shared_ptr<Server> s, Clock::time_point d, std::function<void()> f)
        : server{std::move(s)}, timer{server->threads.front()->io}, deadline{d}, done{std::move(f)} {}

    void poll()
    {
        timer.expires_after(10ms);
        timer.async_wait([self = shared_from_this()](error_code ec) {
            if (ec) return;
            if (self->server->live == 0) return self->done();
            if (!self->forced && Clock::now() >= self->deadline) self->force();
            self->poll();
        });
    }

    void force()
    {
        forced = true;
        for (const auto& thread : server->threads) {
            asio::post(thread->io, [thread] { on_each(*thread, [](Connection& c) { c.abort(); }); });
        }
    }

    std::shared_ptr<Server> server;
    asio::steady_timer timer;
    Clock::time_point deadline;
    std::function<void()> done;
    bool forced = false;
};

} // namespace

void Listeners::drain(std::chrono::milliseconds grace, std::function<void()> done)
{
    impl_->server->draining = true;
    for (const auto& listening : impl_->all()) listening->close();
    for (const auto& thread : impl_->server->threads) {
        asio::post(thread->io, [thread] { on_each(*thread, [](Connection& c) { c.drain(); }); });
    }
    auto drain = std::make_shared<Drain>(impl_->server, Clock::now() + grace, std::move(done));
    asio::post(impl_->server->threads.front()->io, [drain] { drain->poll(); });
}

std::vector<ListenerStatus> Listeners::status() const
{
    std::vector<ListenerStatus> list;
    for (const auto& listening : impl_->all()) list.push_back(listening->status());
    return list;
}

} // namespace agenthost::host
