// Holds the state of Listeners; shared by listener.cpp (set-up and end) and listener_calls.cpp (calls on
// exchanges). Any thread unless marked. Private to host/listener.
#pragma once

#include "host/listener/acceptor.hpp"
#include "host/listener/connection.hpp"
#include "host/listener/listener.hpp"

namespace agenthost::host {

struct Listeners::Impl {
    explicit Impl(const std::vector<boost::asio::io_context*>& io)
        : server{std::make_shared<listener::Server>(io)}
    {}

    listener::ListeningPtr find(std::string_view name) const
    {
        const std::scoped_lock lock{server->mutex};
        const auto found = server->listenings.find(name);
        return found == server->listenings.end() ? nullptr : found->second;
    }

    std::vector<listener::ListeningPtr> all() const
    {
        std::vector<listener::ListeningPtr> list;
        const std::scoped_lock lock{server->mutex};
        for (const auto& [name, listening] : server->listenings) list.push_back(listening);
        return list;
    }

    // Runs `work` on every I/O thread in turn, and waits.
    void each_connection(const std::function<void(listener::Connection&)>& work) const
    {
        for (const auto& thread : server->threads) {
            listener::run_on(thread->io, [&] {
                for (const auto& connection : thread->list()) work(*connection);
            });
        }
    }

    std::string bind_all(const ListenerConfig&, const std::vector<std::string>& binds,
                         std::vector<listener::AcceptorPtr>& made) const;
    bool serves_others_now(const listener::ListeningPtr&, const ListenerConfig&,
                           const listener::Acceptor&) const;
    std::string rebind(const listener::ListeningPtr&, const ListenerConfig&) const;
    void forget(const std::shared_ptr<listener::Owner>& owner) const;
    // Reserves `n` bytes in the exchange's queue, or returns BUSY, and on_writable will follow.
    static agh_status reserve(const listener::ExchangePtr&, std::size_t n);
    // Null: none, or not a WebSocket.
    listener::ExchangePtr websocket(agh_conn) const;

    std::shared_ptr<listener::Server> server;
};

} // namespace agenthost::host
