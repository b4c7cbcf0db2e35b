#include "proxy.hpp"

#include "base/base64.hpp"
#include "http_head.hpp"
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

std::string redact_proxy(std::string_view text)
{
    const std::size_t at = text.rfind('@');
    if (at == text.npos) return redact_url(text);
    const std::string_view scheme = text.substr(0, scheme_of(text).empty() ? 0 : text.find("://") + 3);
    return std::string{scheme} + "***" + std::string{text.substr(at)};
}

std::optional<Proxy> parse_proxy(std::string_view text, std::string& why)
{
    constexpr std::string_view scheme = "http://";
    std::string_view rest = scheme_of(text) == "http" ? text.substr(scheme.size()) : std::string_view{};
    const std::size_t path = rest.find_first_of("/?#");
    if (rest.empty() || (path != rest.npos && rest.substr(path) != "/")) {
        why = "expected http://HOST:PORT of a proxy that supports CONNECT (a wss:// session stays encrypted "
              "through it), not \"" +
              redact_proxy(text) + '"';
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
    constexpr std::string_view begin = "HTTP/1.";
    std::size_t used = 0;
    while (state_ == State::more && used < bytes.size()) {
        const std::string_view piece = bytes.substr(used, max_head - head_.size());
        const std::size_t before = head_.size();
        head_ += piece;
        const std::size_t end = end_of_head(head_);
        const std::size_t compared = std::min(head_.size(), begin.size());
        if (head_.compare(0, compared, begin, 0, compared) != 0 ||
            (end == std::string::npos && head_.size() >= max_head)) {
            state_ = State::refused;
            return bytes.size();
        }
        if (end == std::string::npos) return bytes.size();
        head_.resize(end);
        used += end - before;
        // "HTTP/1.1 200 Connection established"
        const std::string_view code = std::string_view{head_}.substr(std::min<std::size_t>(9, end), 3);
        int status = 0;
        const auto [stop, error] = std::from_chars(code.data(), code.data() + code.size(), status);
        const bool valid = error == std::errc{} && stop == code.data() + 3 && status >= 100;
        // Without a bound, a proxy that never stops would keep the caller's loop for itself.
        if (valid && status < 200 && status != 101 && ++interim_ <= max_interim) {
            head_.clear();
            continue;
        }
        status_ = valid ? status : 0;
        state_ = status_ / 100 == 2 ? State::open : State::refused;
    }
    return used;
}

std::string ConnectAnswer::first_line() const
{
    return printable(std::string_view{head_}.substr(0, head_.find_first_of("\r\n")), max_quoted);
}

std::string ConnectAnswer::refusal(const Proxy& proxy, std::string_view host, std::uint16_t port) const
{
    const std::string who = "the proxy " + proxy.shown(), line = first_line();
    if (status_ == 0) return who + " does not respond like an HTTP proxy; it sent \"" + line + '"';
    const std::string answered =
        who + " answered " + std::to_string(status_) + " to CONNECT " + authority(host, port);
    // "HTTP/1.1 407 Proxy Authentication Required"
    constexpr std::size_t reason = 13;
    return line.size() > reason ? answered + " (" + line.substr(reason) + ")" : answered;
}

std::string ConnectAnswer::remedy(const Proxy& proxy) const
{
    switch (status_) {
    case 0: return "Check proxy: http://HOST:PORT";
    case 403:
    case 405: return "Its rules must admit CONNECT to this address and port";
    case 407:
        return proxy.authorization.empty()
                   ? "It requires a user and password; write proxy: http://USER:PASSWORD@HOST:PORT"
                   : "It rejects the user and password in proxy; correct them";
    case 502:
    case 503:
    case 504: return "It cannot reach the server; check url and the route from the proxy to it";
    default: return "The proxy must support CONNECT";
    }
}

std::string ConnectAnswer::problem(const Proxy& proxy, std::string_view host, std::uint16_t port) const
{
    return refusal(proxy, host, port) + ". " + remedy(proxy);
}

// The first line only: a proxy that echoes our request would have the log show its password.
std::string ConnectAnswer::overrun(const Proxy& proxy, std::string_view rest)
{
    return "the proxy " + proxy.shown() + " sent unexpected data after the CONNECT response: \"" +
           printable(rest.substr(0, rest.find_first_of("\r\n")), max_quoted) +
           "\". Check that it is an HTTP proxy";
}

std::string ConnectAnswer::broke_off(const Proxy& proxy, std::string_view why) const
{
    const std::string line = first_line();
    const std::string sent = line.empty() ? "nothing" : '"' + line + '"';
    return "the proxy " + proxy.shown() + " did not complete its response: it sent " + sent + ", then " +
           std::string{why};
}

} // namespace agenthost::netclient
