// Brings an accepted socket to its first request: the PROXY header of a trusted proxy, a check for renewed
// certificate files, the TLS handshake. On the connection's thread; owned by the Connection until it is done,
// and by its own pending operations. Private to host/listener.
#pragma once

#include "host/listener/client.hpp"
#include "host/listener/connection_context.hpp"
#include "host/listener/server.hpp"

#include <functional>
#include <memory>

namespace agenthost::host::listener {

class Opening : public std::enable_shared_from_this<Opening> {
public:
    enum class Outcome {
        open,
        failed,
        // The client behind the proxy has too many connections.
        too_many
    };

    // `done` is called once, possibly during start() or tick(). The references belong to the connection.
    Opening(const ConnectionContext&, const Server&, const Listening&, const Settings&, Client&,
            std::function<void(Outcome)> done);

    void start();
    void tick(Clock::time_point now);
    // `done` is not called after this.
    void drop() { stage_ = Stage::over; }

private:
    enum class Stage : std::uint8_t { proxy_header, certificate, handshake, over };

    void read_proxy_header();
    void begin_tls();
    void handshake(netclient::TlsContextPtr);
    void enter(Stage);
    void end(Outcome);

    const ConnectionContext context_;
    const Server& server_;
    const Listening& listening_;
    const Settings& settings_;
    Client& client_;
    std::function<void(Outcome)> done_;
    Stage stage_ = Stage::proxy_header;
    // When the stage began.
    Clock::time_point since_;
};

} // namespace agenthost::host::listener
