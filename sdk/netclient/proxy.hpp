// CONNECT through an HTTP proxy: parses the proxy's URL, writes the request, reads the response. No I/O. Used
// by sessions, registrations, the doctor and transfers.
//
//   proxy: http://proxy.example.com:3128
//   proxy: http://USER:PASSWORD@proxy.example.com:3128     with basic authentication
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::netclient {

struct Proxy {
    // Without brackets.
    std::string host;
    std::uint16_t port = 0;
    // "Basic ..."; empty: none. Secret.
    std::string authorization;
    // host:port, for people.
    [[nodiscard]] std::string shown() const;
    bool operator==(const Proxy&) const = default;
};

// What is written as a proxy, for people: "***@" instead of everything up to the last "@".
std::string redact_proxy(std::string_view text);

// nullopt and a sentence that says why not, without user and password.
std::optional<Proxy> parse_proxy(std::string_view url, std::string& why);

// "example.com:443", "[2001:db8::1]:443": what CONNECT asks for. `host` without brackets.
std::string authority(std::string_view host, std::uint16_t port);
std::string connect_request(const Proxy&, std::string_view host, std::uint16_t port);

// Parses the head of the proxy's response incrementally. Consumes nothing beyond its end: what follows comes
// from the server. Accepts what proxies in use send: HTTP/1.0, lines that end in LF alone, interim responses
// (1xx) before the final one, up to max_interim, any header line.
class ConnectAnswer {
public:
    enum class State { more, open, refused };
    // Bytes of a head; and of the proxy's text that an error quotes.
    static constexpr std::size_t max_head = 16 << 10, max_quoted = 80;
    static constexpr unsigned max_interim = 8;

    // Returns how many bytes of it belong to the response.
    std::size_t feed(std::string_view bytes);
    [[nodiscard]] State state() const { return state_; }
    // After `refused`: what the proxy answered, and a sentence with the remedy, both without a full stop.
    [[nodiscard]] std::string refusal(const Proxy&, std::string_view host, std::uint16_t port) const;
    [[nodiscard]] std::string remedy(const Proxy&) const;
    // Both, for the log.
    [[nodiscard]] std::string problem(const Proxy&, std::string_view host, std::uint16_t port) const;
    // `rest` follows the response, although the server must not send before we do.
    [[nodiscard]] static std::string overrun(const Proxy&, std::string_view rest);
    // The response is incomplete; `why`: what happened instead of the rest, "the connection ended".
    [[nodiscard]] std::string broke_off(const Proxy&, std::string_view why) const;
    // 0: not HTTP.
    [[nodiscard]] int status() const { return status_; }

private:
    [[nodiscard]] std::string first_line() const;

    std::string head_;
    State state_ = State::more;
    int status_ = 0;
    unsigned interim_ = 0;
};

} // namespace agenthost::netclient
