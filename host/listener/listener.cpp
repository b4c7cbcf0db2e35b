#include "listener_impl.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace agenthost::host {
using namespace listener;
using namespace std::chrono_literals;

namespace listener {

Server::Server(const std::vector<asio::io_context*>& contexts)
{
    for (auto* context : contexts) threads.push_back(std::make_shared<IoThread>(*context));
}

} // namespace listener

namespace {

constexpr std::size_t spare_descriptors =
    8; // of the control socket: a person's calls while nothing else works

SettingsPtr make_settings(const ListenerConfig& config, net::TlsResult& tls)
{
    auto settings = std::make_shared<Settings>();
    settings->config = config;
    settings->tls = std::move(tls.context);
    return settings;
}

bool is_loopback(std::string_view address)
{
    return address.starts_with("127.") || address.starts_with("[::1]");
}

} // namespace

Listeners::Listeners(std::vector<boost::asio::io_context*> io) : impl_{std::make_unique<Impl>(io)} {}

Listeners::~Listeners()
{
    for (const auto& listening : impl_->all()) listening->close();
    if (!impl_->server->opened)
        return; // no connection, no job, no timer: nothing to end, and perhaps no loop
    impl_->each_connection([](Connection& c) { c.abort(); });
    impl_->server->disk.end(); // its jobs post to loops that may not live much longer
    for (const auto& thread : impl_->server->threads) run_on(thread->io, [&] { thread->end(); });
}

net::TlsResult Listeners::read_tls(const ListenerConfig& config)
{
    if (!config.tls) return {};
    net::TlsResult tls = net::make_server_context(*config.tls);
    if (!tls.context) tls.problem = "listener " + config.name + ": " + tls.problem;
    return tls;
}

std::string Listeners::add(const ListenerConfig& config, net::TlsResult tls)
{
    if (impl_->find(config.name))
        return "listener " + config.name + ": the name is used twice. Give each listener its own.";
    if (!tls.problem.empty()) return tls.problem;
    auto listening = std::make_shared<Listening>(config.name);
    std::string problem, address;
    listening->acceptor = bind_tcp(impl_->server->threads.front()->io, config.bind, address, problem);
    if (!listening->acceptor) return "listener " + config.name + ": " + problem;
    if (!config.tls && !config.insecure && !is_loopback(address)) {
        return "listener " + config.name + ": plain HTTP on " + address +
               " can be read by others on the way. Configure tls, bind to 127.0.0.1, or set insecure: true "
               "if you mean it.";
    }
    listening->address = (config.tls ? "https://" : "http://") + address;
    listening->set(make_settings(config, tls));
    const std::scoped_lock lock{impl_->server->mutex};
    impl_->server->listenings.emplace(config.name, std::move(listening));
    return {};
}

std::string Listeners::add_unix(const std::string& name, const std::string& path)
{
    if (impl_->find(name))
        return "listener " + name + ": the name is used twice. Give each listener its own.";
    auto listening = std::make_shared<Listening>(name);
    std::string problem;
    listening->acceptor = bind_unix(impl_->server->threads.front()->io, path, problem);
    if (!listening->acceptor) return "listener " + name + ": " + problem;
    listening->address = "unix:" + path;
    listening->keep_spares(spare_descriptors);
    auto settings = std::make_shared<Settings>();
    settings->config.name = name;
    listening->set(std::move(settings));
    const std::scoped_lock lock{impl_->server->mutex};
    impl_->server->listenings.emplace(name, std::move(listening));
    return {};
}

void Listeners::open()
{
    impl_->server->opened = true;
    for (const auto& listening : impl_->all()) {
        if (std::exchange(listening->opened, true)) continue;
        asio::post(listening->acceptor->io,
                   [listening, server = impl_->server] { listening->accept(server); });
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

std::string Listeners::reload(const ListenerConfig& config, net::TlsResult tls)
{
    const auto listening = impl_->find(config.name);
    if (!listening) return "listener " + config.name + ": there is none of that name.";
    const auto before = listening->settings();
    if (before->config.bind != config.bind || before->config.tls.has_value() != config.tls.has_value()) {
        return "listener " + config.name +
               ": `bind`, and whether there is `tls`, cannot change while it runs. Restart agenthost.";
    }
    if (!tls.problem.empty()) return tls.problem;
    listening->set(make_settings(config, tls));
    return {};
}

agh_status Listeners::route(std::string_view owner, std::string_view json, const agh_route_api* api,
                            void* ctx)
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
    const auto all_stopped = [this] {
        return std::ranges::all_of(server->threads, [](const auto& thread) { return thread->io.stopped(); });
    };
    const auto drop = [this, &owner](bool here) {
        for (const auto& exchange : server->exchanges.of(owner.get())) {
            if (here)
                exchange->connection->drop(exchange);
            else
                exchange->connection->post([exchange] { exchange->connection->drop(exchange); });
        }
    };
    std::unique_lock lock{owner->mutex};
    do {
        const bool stopped = all_stopped();
        lock.unlock();
        drop(stopped); // again each time: an exchange may have been in the making
        lock.lock();
        if (stopped) { // what the disk still holds up must not call later
            owner->silent = true;
            return;
        }
    } while (!owner->none_left.wait_for(lock, 50ms, [&] { return owner->live == 0; }));
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

namespace {

void on_each(IoThread& thread, void (*work)(Connection&))
{
    for (const auto& connection : thread.list()) work(*connection);
}

// Looks every 10 ms whether the last connection is gone; drops what is left after the grace.
struct Drain : std::enable_shared_from_this<Drain> {
    Drain(std::shared_ptr<Server> s, Clock::time_point d, std::function<void()> f)
        : server{std::move(s)}, timer{server->threads.front()->io}, deadline{d}, done{std::move(f)}
    {}

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
