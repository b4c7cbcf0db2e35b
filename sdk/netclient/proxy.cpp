#include "proxy.hpp"

#include "base/base64.hpp"
#include "url.hpp"

#include <algorithm>
#include <charconv>

namespace agenthost::netclient {

std::string authority(std::string_view host, std::uint16_t port)
{
    const std::string name{host};
    return (name.find(':') == std::string::npos ? name : "[" + name + "]") + ":" + std::to_string(port);
}

namespace {

// %40 is "@". nullopt: a % that no two hex digits follow.
std::optional<std::string> unescaped(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        unsigned value = 0;
        const auto digits = text.substr(i + 1, 2);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
        if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2) return std::nullopt;
        out += static_cast<char>(value);
        i += 2;
    }
    return out;
}

} // namespace

std::string Proxy::shown() const { return authority(host, port); }

std::optional<Proxy> parse_proxy(std::string_view text, std::string& why)
{
    constexpr std::string_view scheme = "http://";
    std::string_view rest = scheme_of(text) == "http" ? text.substr(scheme.size()) : std::string_view{};
    const std::size_t path = rest.find_first_of("/?#");
    if (rest.empty() || (path != rest.npos && rest.substr(path) != "/")) {
        why = "expected http://HOST:PORT of a proxy that supports CONNECT (a wss:// session stays encrypted "
              "through it), not \"" +
              shown_url(text) + '"';
        return std::nullopt;
    }
    Proxy proxy;
    rest = rest.substr(0, path);
    if (const std::size_t at = rest.rfind('@'); at != rest.npos) {
        const auto user = unescaped(rest.substr(0, at));
        if (!user || user->find(':') == std::string::npos) {
            why = "write USER:PASSWORD before the @, with special characters percent-encoded (%40)";
            return std::nullopt;
        }
        proxy.authorization = "Basic " + base::base64(*user);
        rest.remove_prefix(at + 1);
    }
    const auto url = parse_url(std::string{scheme} + std::string{rest}, why);
    if (!url) return std::nullopt;
    proxy.host = url->host;
    proxy.port = url->port;
    return proxy;
}

std::string connect_request(const Proxy& proxy, std::string_view host, std::uint16_t port)
{
    const std::string target = authority(host, port);
    std::string request = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
    if (!proxy.authorization.empty()) request += "Proxy-Authorization: " + proxy.authorization + "\r\n";
    return request + "\r\n";
}

std::size_t ConnectAnswer::feed(std::string_view bytes)
{
    if (state_ != State::more) return 0;
    const std::size_t before = head_.size();
    head_ += bytes.substr(0, max_head - before);
    const std::size_t searched = before < 3 ? 0 : before - 3; // the end may lie across two pieces
    const std::size_t end = head_.find("\r\n\r\n", searched);
    if (end == std::string::npos) {
        constexpr std::string_view begin = "HTTP/1.";
        const bool http = head_.compare(0, std::min(head_.size(), begin.size()), begin, 0,
                                        std::min(head_.size(), begin.size())) == 0;
        if (!http || head_.size() >= max_head) state_ = State::refused;
        return bytes.size();
    }
    head_.resize(end + 4);
    // "HTTP/1.1 200 Connection established"
    const std::string_view code = std::string_view{head_}.substr(std::min<std::size_t>(9, head_.size()), 3);
    const auto [stop, error] = std::from_chars(code.data(), code.data() + code.size(), status_);
    const bool http = head_.starts_with("HTTP/1.") && error == std::errc{} && stop == code.data() + 3;
    if (!http) status_ = 0;
    state_ = status_ / 100 == 2 ? State::open : State::refused;
    return head_.size() - before;
}

std::string ConnectAnswer::problem(const Proxy& proxy, std::string_view host, std::uint16_t port) const
{
    const std::string who = "the proxy " + proxy.shown();
    if (status_ == 0) return who + " does not respond like an HTTP proxy. Check proxy: http://HOST:PORT";
    const std::string answered =
        who + " answered " + std::to_string(status_) + " to CONNECT " + authority(host, port);
    if (status_ == 407)
        return answered +
               (proxy.authorization.empty()
                    ? ". It requires a user and password; write proxy: http://USER:PASSWORD@HOST:PORT"
                    : ". It rejects the user and password in proxy; correct them");
    if (status_ == 403 || status_ == 405)
        return answered + ". Its rules must admit CONNECT to this address and port";
    if (status_ == 502 || status_ == 503 || status_ == 504)
        return answered + ". It cannot reach the server; check url and the route from the proxy to it";
    return answered + ". The proxy must support CONNECT";
}

} // namespace agenthost::netclient
