#include "bind.hpp"

#include "netclient/ip_address.hpp"

namespace agenthost::host::conf {

namespace {

bool is_port(std::string_view text)
{
    if (text.empty() || text.size() > 5) return false;
    int value = 0;
    for (char c : text) {
        if (c < '0' || c > '9') return false;
        value = value * 10 + (c - '0');
    }
    return value <= 65535;
}

// Not the IPv6 spelling of an IPv4 address, which needs brackets as well.
bool is_v6(std::string_view host)
{
    return host.find(':') != std::string_view::npos && netclient::parse_ip(host);
}
bool is_v4(std::string_view host)
{
    return host.find(':') == std::string_view::npos && netclient::parse_ip(host);
}

} // namespace

std::optional<Bind> parse_bind(std::string_view text)
{
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || !is_port(text.substr(colon + 1))) return std::nullopt;
    Bind bind{std::string{text.substr(0, colon)}, std::string{text.substr(colon + 1)}};
    if (bind.address.empty() || bind.address == "*") return Bind{"::", bind.port, true};
    if (bind.address.starts_with('[') && bind.address.ends_with(']')) {
        bind.address = bind.address.substr(1, bind.address.size() - 2);
        return is_v6(bind.address) ? std::optional{bind} : std::nullopt;
    }
    return is_v4(bind.address) ? std::optional{bind} : std::nullopt;
}

std::string why_no_bind(std::string_view text)
{
    const std::string wanted =
        "not ADDRESS:PORT with a numeric address, such as 127.0.0.1:3001, 0.0.0.0:443 or [::1]:3001";
    const auto colon = text.rfind(':');
    const std::string_view address = text.substr(0, colon);
    if (text.find_first_of(", ") != std::string_view::npos)
        return wanted + R"(. Several are written as a list: ["0.0.0.0:443", "[::]:443"])";
    if (is_port(text)) return wanted + ". Write *:" + std::string{text} + " for every address";
    if (is_v6(text) && !text.ends_with(':') && !is_v6(address))
        return wanted + ". The port is missing: write [" + std::string{text} + "]:3001";
    if (colon == std::string_view::npos || text.ends_with(']')) return wanted + ". The port is missing";
    if (!is_port(text.substr(colon + 1))) return wanted + ". A port is a number from 0 to 65535";
    if (is_v6(address))
        return wanted + ". An IPv6 address stands in brackets: [" + std::string{address} + "]" +
               std::string{text.substr(colon)};
    if (address == "localhost")
        return wanted + R"(. For localhost write ["127.0.0.1)" + std::string{text.substr(colon)} +
               R"(", "[::1])" + std::string{text.substr(colon)} + R"("])";
    return wanted;
}

} // namespace agenthost::host::conf
