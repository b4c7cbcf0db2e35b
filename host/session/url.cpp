#include "url.hpp"

#include <algorithm>
#include <charconv>

namespace agenthost::host {
namespace {

constexpr std::size_t longest = 8192;

std::optional<std::uint16_t> port_of(std::string_view text)
{
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
    return port;
}

// Blanks and control characters would end up in the request line.
bool clean(std::string_view text)
{
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) > ' ' && c != '\x7f'; });
}

} // namespace

std::string Url::authority() const
{
    std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port != (tls ? 443 : 80)) out += ":" + std::to_string(port);
    return out;
}

std::optional<Url> parse_url(std::string_view text, std::string& why)
{
    const auto refuse = [&why, whole = text](std::string_view what) {
        why = "url " + shown_url(whole) + ": " + std::string{what};
        return std::nullopt;
    };
    if (text.size() > longest) return refuse("is longer than 8192 bytes");
    if (!clean(text)) return refuse("has blanks or control characters; write them as %20 and the like");

    Url url;
    const std::size_t colon = text.find("://");
    const std::string_view scheme = text.substr(0, colon);
    if (colon == std::string_view::npos ||
        (scheme != "wss" && scheme != "https" && scheme != "ws" && scheme != "http")) {
        return refuse("must begin with wss:// or ws://");
    }
    url.tls = scheme == "wss" || scheme == "https";
    text.remove_prefix(colon + 3);

    const std::size_t path = text.find_first_of("/?#");
    std::string_view authority = text.substr(0, path);
    std::string_view target = path == std::string_view::npos ? std::string_view{} : text.substr(path);
    target = target.substr(0, target.find('#'));
    url.target = target.starts_with('/') ? std::string{target} : "/" + std::string{target};

    if (authority.find('@') != std::string_view::npos)
        return refuse("has a user before the host; use credential or headers");
    std::string_view port;
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        if (end == std::string_view::npos) return refuse("has [ without ]");
        url.host = authority.substr(1, end - 1);
        port = authority.substr(end + 1);
        if (!port.empty() && !port.starts_with(':')) return refuse("has something between ] and the port");
    } else {
        const std::size_t at = authority.find(':');
        url.host = authority.substr(0, at);
        if (at != std::string_view::npos) port = authority.substr(at);
    }
    if (url.host.empty()) return refuse("has no host");
    url.port = url.tls ? 443 : 80;
    if (!port.empty()) {
        const auto number = port_of(port.substr(1));
        if (!number) return refuse("has a port that is not a number from 1 to 65535");
        url.port = *number;
    }
    return url;
}

} // namespace agenthost::host
