#include "listener_impl.hpp"

#include "host/config/bind.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace agenthost::host {
using namespace listener;
using namespace std::chrono_literals;

namespace listener {

Server::Server(const std::vector<asio::io_context*>& contexts)
{
    for (auto* context : contexts) threads.push_back(std::make_shared<IoThread>(*context));
    farewells = std::make_shared<Farewells>(threads.front()->io);
}

netclient::TlsContextPtr Server::check_certificate(const std::string& listener,
                                                   netclient::RenewedTls& tls) const
{
    auto now = tls.check();
    if ((now.renewed || !now.problem.empty()) && on_renewal) on_renewal(listener, now.problem);
    return std::move(now.context);
}

} // namespace listener

namespace {

// Of the control socket: an administrator's calls work even when the process has no descriptors left.
constexpr std::size_t spare_descriptors = 8;

SettingsPtr make_settings(const ListenerConfig& config, ListenerTls& tls)
{
    auto settings = std::make_shared<Settings>();
    settings->config = config;
    settings->tls = std::move(tls.tls);
    for (const auto& text : config.trusted_proxies)
        if (const auto range = netclient::parse_range(text)) settings->trusted.push_back(*range);
    return settings;
}

std::string plain_problem(const ListenerConfig& config, const Acceptor& acceptor)
{
    if (config.tls || config.insecure || acceptor.endpoint.ip.loopback()) return {};
    return "plain HTTP on " + acceptor.address +
           " can be read by others on the way. Configure tls, bind to 127.0.0.1, or set insecure: true if "
           "you mean it.";
}

// Specific addresses and IPv4 first: "[::]:PORT" takes only IPv6 if another socket serves IPv4 on the port.
std::vector<std::string> in_binding_order(std::vector<std::string> binds)
{
    std::stable_partition(binds.begin(), binds.end(), [](const std::string& bind) {
        const auto parsed = conf::parse_bind(bind);
        return !parsed || parsed->address != "::";
    });
    return binds;
}

} // namespace

// Opens a socket for each of `binds`, or none. Returns an error, or an empty string.
std::string Listeners::Impl::bind_all(const ListenerConfig& config, const std::vector<std::string>& binds,
                                      std::vector<AcceptorPtr>& made) const
{
    const auto served = [&](std::uint16_t port) -> const Acceptor* {
        const auto serves = [port](const AcceptorPtr& a) { return a->serves_v4 && a->endpoint.port == port; };
        if (const auto at = std::ranges::find_if(made, serves); at != made.end()) return at->get();
        for (const auto& listening : all())
            for (const auto& acceptor : listening->acceptors())
                if (serves(acceptor)) return acceptor.get();
        return nullptr;
    };
    for (const auto& bind : in_binding_order(binds)) {
        std::string problem;
        const auto serves_v4 = [&](std::uint16_t port) { return served(port) != nullptr; };
        auto acceptor = bind_tcp(server->threads.front()->io, bind, serves_v4, problem);
        if (acceptor) problem = plain_problem(config, *acceptor);
        if (problem.empty()) {
            made.push_back(std::move(acceptor));
            continue;
        }
        if (const auto parsed = conf::parse_bind(bind); !acceptor && parsed) {
            const auto* other = served(static_cast<std::uint16_t>(std::stoi(parsed->port)));
            if (other && !other->endpoint.ip.v4())
                problem += " " + other->bind + " serves IPv4 on this port as well: list both in one `bind`.";
        }
        made.clear();
        return "listener " + config.name + ": " + problem;
    }
    // In the order of the configuration: of equally good addresses, status shows the first.
    std::ranges::stable_sort(
        made, {}, [&](const AcceptorPtr& a) { return std::ranges::find(binds, a->bind) - binds.begin(); });
    return {};
}

Listeners::Listeners(std::vector<boost::asio::io_context*> io) : impl_{std::make_unique<Impl>(io)} {}

Listeners::~Listeners()
{
    for (const auto& listening : impl_->all()) listening->close();
    if (!impl_->server->opened) return; // no connection, job or timer to end, and perhaps no loop
    impl_->each_connection([](Connection& c) { c.abort(); });
    run_on(impl_->server->threads.front()->io, [this] { impl_->server->farewells->end(); });
    impl_->server->disk.end(); // its jobs post to loops that may end soon
    for (const auto& thread : impl_->server->threads) run_on(thread->io, [&] { thread->end(); });
}

ListenerTls Listeners::read_tls(const ListenerConfig& config)
{
    if (!config.tls) return {};
    ListenerTls read{netclient::RenewedTls::of(*config.tls), {}};
    const auto made = read.tls->current();
    if (!made.context) read.problem = "listener " + config.name + ": " + made.problem;
    return read;
}

void Listeners::on_renewal(std::function<void(const std::string&, const std::string&)> said)
{
    impl_->server->on_renewal = std::move(said);
}

void Listeners::check_certificates()
{
    for (const auto& listening : impl_->all()) {
        const SettingsPtr settings = listening->settings();
        if (!settings || !settings->tls || !settings->tls->claim_check()) continue;
        // The pool ends before the server does.
        impl_->server->disk.run([server = impl_->server.get(), name = listening->name, tls = settings->tls] {
            server->check_certificate(name, *tls);
        });
    }
}

std::string Listeners::add(const ListenerConfig& config, ListenerTls tls)
{
    if (impl_->find(config.name))
        return "listener " + config.name + ": the name is used twice. Give each listener its own.";
    if (!tls.problem.empty()) return tls.problem;
    std::vector<AcceptorPtr> acceptors;
    if (auto problem = impl_->bind_all(config, config.bind, acceptors); !problem.empty()) return problem;
    auto listening = std::make_shared<Listening>(config.name);
    for (auto& acceptor : acceptors) listening->add(std::move(acceptor));
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
    auto acceptor = bind_unix(impl_->server->threads.front()->io, path, problem);
    if (!acceptor) return "listener " + name + ": " + problem;
    listening->add(std::move(acceptor));
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
    for (const auto& listening : impl_->all()) listening->open(impl_->server);
}

std::string Listeners::remove(std::string_view name)
{
    const auto listening = impl_->find(name);
    if (!listening) return "listener " + std::string{name} + ": no listener has this name.";
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

// "[::]:PORT" also serves IPv4 unless another socket does. Returns whether this differs from when the socket
// was opened.
bool Listeners::Impl::serves_others_now(const ListeningPtr& listening, const ListenerConfig& config,
                                        const Acceptor& acceptor) const
{
    const auto own = conf::parse_bind(acceptor.bind);
    if (!own || own->port == "0" || own->address != "::" || acceptor.endpoint.ip.v4()) return false;
    const auto port = acceptor.endpoint.port;
    bool v4_elsewhere = std::ranges::any_of(config.bind, [&](const std::string& bind) {
        const auto parsed = conf::parse_bind(bind);
        return parsed && parsed->port == own->port && parsed->address.find(':') == std::string::npos;
    });
    for (const auto& other : all())
        for (const auto& a : other->acceptors())
            v4_elsewhere = v4_elsewhere || (other != listening && a->serves_v4 && a->endpoint.port == port);
    return acceptor.serves_v4 == v4_elsewhere;
}

// Applies a changed `bind`: opens sockets for added addresses, closes those of removed ones, and reopens
// those whose address families change. Returns an error, after which nothing has changed, or an empty string.
std::string Listeners::Impl::rebind(const ListeningPtr& listening, const ListenerConfig& config) const
{
    const auto before = listening->settings()->config;
    std::vector<std::string> wanted;
    for (const auto& bind : config.bind)
        if (std::ranges::find(before.bind, bind) == before.bind.end()) wanted.push_back(bind);
    std::vector<AcceptorPtr> gone, reopened;
    for (const auto& acceptor : listening->acceptors()) {
        if (std::ranges::find(config.bind, acceptor->bind) == config.bind.end()) {
            gone.push_back(acceptor);
        } else if (serves_others_now(listening, config, *acceptor)) {
            reopened.push_back(acceptor);
            gone.push_back(acceptor);
            wanted.push_back(acceptor->bind);
        }
    }
    // A port whose address changes must be free first: 127.0.0.1:3001 becomes 0.0.0.0:3001.
    std::vector<std::string> closed;
    for (const auto& acceptor : gone) {
        const bool in_the_way = std::ranges::any_of(wanted, [&](const std::string& bind) {
            return bind.ends_with(":" + std::to_string(acceptor->endpoint.port));
        });
        if (!in_the_way) continue;
        listening->remove(acceptor);
        closed.push_back(acceptor->bind);
    }
    std::vector<AcceptorPtr> made;
    std::string problem = bind_all(config, wanted, made);
    if (!problem.empty()) {
        std::vector<AcceptorPtr> again;
        if (const auto lost = bind_all(before, closed, again); !lost.empty()) problem += " And now: " + lost;
        for (auto& acceptor : again) listening->add(std::move(acceptor));
        return problem;
    }
    for (auto& acceptor : made) {
        // Connections of the socket that was reopened stay: they belong to the new one.
        const auto before_it = std::ranges::find(reopened, acceptor->bind, &Acceptor::bind);
        if (before_it != reopened.end()) acceptor->serial = (*before_it)->serial;
        listening->add(std::move(acceptor));
    }
    for (const auto& acceptor : gone) {
        if (std::ranges::find(reopened, acceptor) != reopened.end()) continue; // closed above
        if (std::ranges::find(closed, acceptor->bind) == closed.end()) listening->remove(acceptor);
        each_connection([&](Connection& c) {
            if (&c.listening() == listening.get() && c.socket() == acceptor->serial) c.drain();
        });
    }
    return {};
}

std::string Listeners::reload(const ListenerConfig& config, ListenerTls tls)
{
    const auto listening = impl_->find(config.name);
    if (!listening) return "listener " + config.name + ": no listener has this name.";
    const auto before = listening->settings();
    if (before->config.tls.has_value() != config.tls.has_value()) {
        return "listener " + config.name +
               ": `tls` cannot be added or removed while it runs. Restart agenthost.";
    }
    if (!tls.problem.empty()) return tls.problem;
    if (auto problem = impl_->rebind(listening, config); !problem.empty()) return problem;
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

namespace {

// On the connection's thread. Unless the exchange has ended and the connection serves another one.
void end_exchange(const ExchangePtr& exchange)
{
    if (exchange->connection->runs(exchange)) exchange->connection->abort();
}

} // namespace

void Listeners::Impl::forget(const std::shared_ptr<Owner>& owner) const
{
    const auto all_stopped = [this] {
        return std::ranges::all_of(server->threads, [](const auto& thread) { return thread->io.stopped(); });
    };
    const auto drop = [this, &owner](bool here) {
        for (const auto& exchange : server->exchanges.of(owner.get())) {
            if (here)
                end_exchange(exchange);
            else
                exchange->connection->post([exchange] { end_exchange(exchange); });
        }
    };
    std::unique_lock lock{owner->mutex};
    do {
        const bool stopped = all_stopped();
        lock.unlock();
        drop(stopped); // each time: an exchange may have begun since
        lock.lock();
        if (stopped) { // exchanges that wait for the disk must not call the plugin later
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
    return listening ? listening->address() : std::string{};
}

namespace {

void on_each(IoThread& thread, void (*work)(Connection&))
{
    for (const auto& connection : thread.list()) work(*connection);
}

// Checks every 10 ms whether the last connection has ended; aborts those that remain after the grace period.
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
