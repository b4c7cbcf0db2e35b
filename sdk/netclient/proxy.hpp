// CONNECT through an HTTP proxy: parses the proxy's URL, writes the request, reads the response. No I/O. Used by sessions,
// registrations, the doctor and transfers.
//
//   proxy: http://proxy.example.com:3128              or, with basic authentication, http://USER:PASSWORD@proxy.example.com:3128
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::netclient {

struct Proxy {
    std::string host; // without brackets
    std::uint16_t port = 0;
    std::string authorization;               // "Basic ..."; empty: none. Secret
    [[nodiscard]] std::string shown() const; // host:port, for people
    bool operator==(const Proxy&) const = default;
};

// nullopt and a sentence that says why not, without user and password.
std::optional<Proxy> parse_proxy(std::string_view url, std::string& why);

// "example.com:443", "[2001:db8::1]:443": what CONNECT asks for. `host` without brackets.
std::string authority(std::string_view host, std::uint16_t port);
std::string connect_request(const Proxy&, std::string_view host, std::uint16_t port);

// Parses the head of the proxy's response incrementally. Consumes nothing beyond its end: what follows comes from the server.
class ConnectAnswer {
public:
    enum class State { more, open, refused };
    static constexpr std::size_t max_head = 16 << 10; // bytes

    // Returns how many bytes of it belong to the answer.
    std::size_t feed(std::string_view bytes);
    [[nodiscard]] State state() const { return state_; }
    // After `refused`: the problem and the remedy, for the log.
    [[nodiscard]] std::string problem(const Proxy&, std::string_view host, std::uint16_t port) const;
    [[nodiscard]] int status() const { return status_; }

private:
    std::string head_;
    State state_ = State::more;
    int status_ = 0; // 0: not HTTP
};

} // namespace agenthost::netclient
