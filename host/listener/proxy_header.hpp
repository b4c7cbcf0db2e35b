// Parses the PROXY protocol header before a connection's first byte, version 1 (text) or 2 (binary). Sans-io:
// requests the number of bytes it needs next, never more than the header has, so that TLS or HTTP starts
// right after it. Owned by a Client; private to host/listener.
// https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
#pragma once

#include "netclient/ip_address.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::host::listener {

class ProxyHeader {
public:
    enum class State { more, done, bad };
    // Of version 2 with extensions; version 1 has at most 107.
    static constexpr std::size_t max_bytes = 4096;

    // The number of bytes to read next; 0 unless State::more.
    [[nodiscard]] std::size_t wants() const;
    // At most wants() bytes.
    State feed(std::string_view bytes);
    [[nodiscard]] State state() const { return state_; }
    // After done: the client. nullopt: the proxy's own connection (a health check), or the client has no IP
    // address.
    [[nodiscard]] const std::optional<netclient::IpEndpoint>& client() const { return client_; }

private:
    State judge();
    State judge_text();
    State judge_binary();

    std::string bytes_;
    State state_ = State::more;
    std::optional<netclient::IpEndpoint> client_;
};

} // namespace agenthost::host::listener
