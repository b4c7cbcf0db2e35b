// Whose connection it is: the peer's own, or a client's behind trusted proxies, by the PROXY protocol (once, before the first byte) or by
// a header of each request; and under which address it is counted. One thread. Private to host/listener.
#pragma once

#include "host/listener/proxy_header.hpp"
#include "host/listener/server.hpp"
#include "host/listener/websocket.hpp"

#include <memory>
#include <string>

namespace agenthost::host::listener {

class Client {
public:
    // `key`: under which it was counted when it was accepted; `trusted`: it comes from a trusted proxy.
    Client(ListeningPtr, SettingsPtr, std::string key, bool trusted);

    // `peer`: the other end of the socket.
    void connected(std::string peer);
    [[nodiscard]] bool expects_proxy_header() const;
    enum class Header { more, invalid, good, too_many };
    // Straight from the socket, no byte too many: what follows may be TLS's.
    Header read_proxy_header(int fd);
    // Whose request this is. False: its address has too many connections.
    [[nodiscard]] bool find(const WebSocket::Request&, const net::Stream&);
    // The next request of a proxy's connection may be another client's.
    void request_over();
    // The connection is over, and no longer counted.
    void leave() { listening_->leave(key_); }

    // Address and port, for the request's head.
    [[nodiscard]] const std::string& shown() const { return shown_; }
    // shown() is not the other end of the socket.
    [[nodiscard]] bool behind_proxy() const { return proxied_; }
    void forget_shown() { shown_ = {}; }

private:
    Header proxy_header_read();
    bool count(const netclient::IpEndpoint&);

    ListeningPtr listening_;
    SettingsPtr settings_;
    std::string key_;
    std::string shown_;
    netclient::IpEndpoint far_; // the other end of the socket, or what a PROXY header said in its place
    bool trusted_;              // far_ is a proxy whose headers are believed
    bool proxied_ = false;
    std::unique_ptr<ProxyHeader> proxy_header_;
};

} // namespace agenthost::host::listener
