// Finds the client of a connection: the peer itself, or, behind trusted proxies, the address that a PROXY
// header gives once, before the first byte, or that a header gives in each request. Counts the connection
// under that address. On the connection's thread; owned by the Connection. Private to host/listener.
#pragma once

#include "host/listener/proxy_header.hpp"
#include "host/listener/server.hpp"
#include "host/listener/websocket.hpp"

#include <memory>
#include <string>

namespace agenthost::host::listener {

class Client {
public:
    // `key`: the address under which the connection was counted when it was accepted. `trusted`: it comes
    // from a trusted proxy. The references outlive the client.
    Client(Listening&, const Settings&, std::string key, bool trusted);

    // `peer`: the other end of the socket.
    void connected(std::string peer);
    [[nodiscard]] bool expects_proxy_header() const;
    enum class Header { more, invalid, good, too_many };
    // Reads from the socket, not one byte more than the header has: what follows may be TLS.
    Header read_proxy_header(int fd);
    // Finds the client of this request. False: its address has too many connections.
    [[nodiscard]] bool find(const WebSocket::Request&, const net::Stream&);
    // Call it after each request: the next one on a proxy's connection may be another client's.
    void request_over();
    // The connection is over, and no longer counted.
    void leave() { listening_.leave(key_); }

    // Address and port, for the request's head.
    [[nodiscard]] const std::string& address() const { return address_; }
    // address() is not the other end of the socket.
    [[nodiscard]] bool behind_proxy() const { return proxied_; }
    // Frees its memory; for connections that no longer need it.
    void forget_address() { address_ = {}; }

private:
    Header proxy_header_read();
    bool count(const netclient::IpEndpoint&);

    Listening& listening_;
    const Settings& settings_;
    std::string key_;
    std::string address_;
    // The other end of the socket, or the address that a PROXY header has given in its place.
    netclient::IpEndpoint far_;
    // far_ is a trusted proxy.
    bool trusted_;
    bool proxied_ = false;
    std::unique_ptr<ProxyHeader> proxy_header_;
};

} // namespace agenthost::host::listener
