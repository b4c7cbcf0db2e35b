#include "url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>

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

std::string lower(std::string_view text)
{
    std::string out{text};
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

bool is_v4(const std::string& host)
{
    in_addr address{};
    return ::inet_pton(AF_INET, host.c_str(), &address) == 1;
}
bool is_v6(const std::string& host)
{
    in6_addr address{};
    return ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

} // namespace

std::optional<Url> parse_url(std::string_view text)
{
    if (text.size() > 4096) return std::nullopt;
    for (unsigned char c : text)
        if (c <= ' ' || c == 0x7f || c == '\\' || c == '"') return std::nullopt;
    const auto colon = text.find("://");
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    Url url;
    url.scheme = lower(text.substr(0, colon));
    if (!std::all_of(url.scheme.begin(), url.scheme.end(),
                     [](unsigned char c) { return std::isalnum(c) || c == '+'; }))
        return std::nullopt;
    text.remove_prefix(colon + 3);
    const auto slash = text.find_first_of("/?#");
    std::string_view authority = text.substr(0, slash);
    url.target = slash == std::string_view::npos ? "/" : std::string{text.substr(slash)};
    if (url.target[0] == '?') url.target.insert(0, "/");
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
        url.userinfo = authority.substr(0, at);
        authority.remove_prefix(at + 1);
    }
    std::string_view port;
    if (authority.starts_with('[')) {
        const auto close = authority.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        url.host = authority.substr(1, close - 1);
        if (!is_v6(url.host)) return std::nullopt;
        authority.remove_prefix(close + 1);
        if (!authority.empty() && authority[0] != ':') return std::nullopt;
        port = authority.empty() ? authority : authority.substr(1);
    } else {
        const auto at = authority.find(':');
        url.host = authority.substr(0, at);
        if (at != std::string_view::npos) port = authority.substr(at + 1);
    }
    if (url.host.empty() || url.host.size() > 253) return std::nullopt;
    if (!port.empty() && !is_port(port)) return std::nullopt;
    url.port = !port.empty() ? std::string{port} : url.secure() ? "443" : "80";
    return url;
}

bool is_loopback(std::string_view host)
{
    const std::string name = lower(host);
    if (name == "localhost" || name.ends_with(".localhost") || name == "::1") return true;
    if (is_v4(name)) return name.starts_with("127.");
    in6_addr v6{};
    if (::inet_pton(AF_INET6, name.c_str(), &v6) == 1) {
        if (IN6_IS_ADDR_LOOPBACK(&v6)) return true;
        return IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127;
    }
    return false;
}

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
    if (is_v6(std::string{text}) && !text.ends_with(':') && !is_v6(std::string{address}))
        return wanted + ". The port is missing: write [" + std::string{text} + "]:3001";
    if (colon == std::string_view::npos || text.ends_with(']')) return wanted + ". The port is missing";
    if (!is_port(text.substr(colon + 1))) return wanted + ". A port is a number from 0 to 65535";
    if (is_v6(std::string{address}))
        return wanted + ". An IPv6 address stands in brackets: [" + std::string{address} + "]" +
               std::string{text.substr(colon)};
    if (address == "localhost")
        return wanted + R"(. For localhost write ["127.0.0.1)" + std::string{text.substr(colon)} +
               R"(", "[::1])" + std::string{text.substr(colon)} + R"("])";
    return wanted;
}

std::string redact_url(std::string_view text)
{
    std::string out{text};
    if (const auto start = out.find("://"); start != std::string::npos) {
        const auto end = out.find_first_of("/?#", start + 3);
        if (const auto at = out.rfind('@', end); at != std::string::npos && at > start)
            out.replace(start + 3, at - start - 3, "***");
    }
    const auto query = out.find('?');
    if (query == std::string::npos) return out;
    std::string shown = out.substr(0, query);
    for (std::size_t at = query; at < out.size();) { // "?k=v" or "&k=v" at a time
        auto next = out.find('&', at + 1);
        if (next == std::string::npos) next = out.size();
        const std::string pair = out.substr(at, next - at);
        const auto equals = pair.find('=');
        shown += equals == std::string::npos ? pair : pair.substr(0, equals + 1) + "***";
        at = next;
    }
    return shown;
}

bool sounds_secret(std::string_view name)
{
    const std::string word = lower(name);
    static constexpr std::array words{"token",         "secret",  "password",    "passwd",
                                      "authorization", "cookie",  "credential",  "api_key",
                                      "apikey",        "api-key", "private_key", "signature"};
    return std::any_of(words.begin(), words.end(),
                       [&](const char* w) { return word.find(w) != std::string::npos; });
}

} // namespace agenthost::host::conf
