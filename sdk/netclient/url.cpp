#include "url.hpp"

#include "base/ascii.hpp"
#include "ip_address.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

namespace agenthost::netclient {

namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool alnum(char c) { return digit(c) || (base::to_lower(c) >= 'a' && base::to_lower(c) <= 'z'); }
bool hex_digit(char c) { return digit(c) || (base::to_lower(c) >= 'a' && base::to_lower(c) <= 'f'); }

std::optional<Url> refuse(std::string& why, std::string_view text)
{
    why = text;
    return std::nullopt;
}

// RFC 3986: what may stand in a path or query as it is; '%' must be followed by two hex digits.
bool valid_target(std::string_view target)
{
    static constexpr std::string_view others = "-._~!$&'()*+,;=:@/?%";
    for (std::size_t i = 0; i < target.size(); ++i) {
        const char c = target[i];
        if (!alnum(c) && others.find(c) == std::string_view::npos) return false;
        if (c == '%' && (i + 2 >= target.size() || !hex_digit(target[i + 1]) || !hex_digit(target[i + 2])))
            return false;
    }
    return true;
}

bool valid_host(std::string_view host)
{
    if (host.empty() || host.size() > 253 || host.front() == '-' || host.front() == '.') return false;
    if (host.find("..") != std::string_view::npos) return false;
    return std::all_of(host.begin(), host.end(),
                       [](char c) { return alnum(c) || c == '-' || c == '.' || c == '_'; });
}

bool valid_v6(std::string_view host) { return host.find(':') != std::string_view::npos && parse_ip(host); }

bool set_authority(Url& url, std::string_view authority, std::string& why)
{
    if (authority.find('@') != std::string_view::npos)
        return refuse(why, "a URL with user information is not accepted"), false;
    std::string_view host = authority, port;
    if (authority.starts_with('[')) {
        const auto end = authority.find(']');
        if (end == std::string_view::npos)
            return refuse(why, "the URL's IPv6 address has no closing bracket"), false;
        host = authority.substr(1, end - 1);
        port = authority.substr(end + 1);
        url.literal_v6 = true;
    } else if (const auto colon = authority.find(':'); colon != std::string_view::npos) {
        host = authority.substr(0, colon);
        port = authority.substr(colon);
    }
    url.host = base::to_lower(host);
    if (url.literal_v6 ? !valid_v6(url.host) : !valid_host(url.host))
        return refuse(why, "the URL's host is not valid"), false;
    if (!url.literal_v6 && url.host.ends_with('.')) url.host.pop_back(); // the root's dot names the same host
    url.port = url.tls ? 443 : 80;
    if (port.empty() || port == ":") return true;
    unsigned value = 0;
    const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), value);
    if (port.front() != ':' || error != std::errc{} || end != port.data() + port.size() || value == 0 ||
        value > 65535)
        return refuse(why, "the URL's port is not a number from 1 to 65535"), false;
    url.port = static_cast<std::uint16_t>(value);
    return true;
}

// RFC 3986, 5.2.4, on an absolute path.
std::string without_dots(std::string_view path)
{
    std::vector<std::string_view> kept;
    bool folder = false; // the path ends in a slash
    for (std::size_t at = 1; at <= path.size();) {
        const auto slash = std::min(path.find('/', at), path.size());
        const auto segment = path.substr(at, slash - at);
        const bool dots = segment == "." || segment == "..";
        if (segment == ".." && !kept.empty()) kept.pop_back();
        if (!dots && (slash < path.size() || !segment.empty())) kept.push_back(segment);
        folder = slash == path.size() && (dots || segment.empty());
        at = slash + 1;
    }
    std::string out;
    for (const auto segment : kept) (out += '/') += segment;
    if (folder || out.empty()) out += '/';
    return out;
}

// What a Location may carry unencoded. Not the backslash, which some take for a slash, nor control
// characters.
std::string encoded(std::string_view target)
{
    static constexpr std::string_view forgotten = " \"<>^`{|}[]";
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : target) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80 && forgotten.find(c) == std::string_view::npos)
            out += c;
        else
            ((out += '%') += digits[byte >> 4]) += digits[byte & 15];
    }
    return out;
}

bool set_target(Url& url, std::string_view rest, std::string& why)
{
    rest = rest.substr(0, rest.find('#'));
    if (!valid_target(rest))
        return refuse(why, "the URL's path or query has a character that must be percent-encoded"), false;
    const auto query = std::min(rest.find('?'), rest.size());
    url.target = without_dots(query == 0 ? "/" : rest.substr(0, query));
    url.target += rest.substr(query);
    return true;
}

} // namespace

std::string Url::authority() const
{
    std::string text = literal_v6 ? "[" + host + "]" : host;
    if (port != (tls ? 443 : 80)) text += ":" + std::to_string(port);
    return text;
}

std::string Url::redacted() const { return (tls ? "https://" : "http://") + authority(); }

bool Url::same_origin(const Url& other) const
{
    return tls == other.tls && host == other.host && port == other.port;
}

namespace {

std::optional<Url> parse(std::string_view text, bool from_location, std::string& why)
{
    if (text.size() > max_url) return refuse(why, "the URL is longer than 8192 bytes");
    const auto scheme = scheme_of(text);
    if (scheme.empty()) return refuse(why, "not an absolute URL; it must begin with https:// or http://");
    Url url;
    if (scheme != "http" && scheme != "https") return refuse(why, "the URL's scheme must be https or http");
    url.tls = scheme == "https";
    text.remove_prefix(scheme.size() + 3);
    const auto end = std::min(text.find_first_of("/?#\\"), text.size());
    const std::string rest = from_location ? encoded(text.substr(end)) : std::string{text.substr(end)};
    if (rest.size() > max_url) return refuse(why, "the URL is longer than 8192 bytes");
    if (!set_authority(url, text.substr(0, end), why) || !set_target(url, rest, why)) return std::nullopt;
    return url;
}

} // namespace

std::optional<Url> parse_server_url(std::string_view text, std::string& why)
{
    if (text.size() > max_url) return refuse(why, "the URL is longer than 8192 bytes");
    const auto blank = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; };
    if (std::any_of(text.begin(), text.end(), blank))
        return refuse(why, "the URL has blanks or control characters; write them as %20 and the like");
    const auto scheme = scheme_of(text);
    Url url;
    url.tls = scheme == "wss" || scheme == "https";
    if (!url.tls && scheme != "ws" && scheme != "http")
        return refuse(why, "the URL must begin with wss:// or ws://");
    text.remove_prefix(scheme.size() + 3);
    const auto end = std::min(text.find_first_of("/?#"), text.size());
    if (text.substr(0, end).find('@') != std::string_view::npos)
        return refuse(
            why, "a user or password does not belong in the URL; use credential: {file: PATH}, or headers");
    if (!set_authority(url, text.substr(0, end), why)) return std::nullopt;
    std::string_view target = text.substr(end);
    target = target.substr(0, target.find('#'));
    if (!target.starts_with('/')) url.target = "/";
    url.target += target;
    return url;
}

std::optional<Url> parse_url(std::string_view text, std::string& why) { return parse(text, false, why); }

std::optional<Url> resolve_url(const Url& base, std::string_view location, std::string& why)
{
    location = location.substr(0, location.find('#'));
    const auto special = location.find_first_of(":/?");
    if (special != std::string_view::npos && location[special] == ':')
        return parse(location, true, why); // has a scheme
    const std::string scheme = base.tls ? "https:" : "http:";
    if (location.starts_with("//")) return parse(scheme + std::string{location}, true, why);
    std::string target;
    const auto path = std::string_view{base.target}.substr(0, base.target.find('?'));
    if (location.starts_with('/'))
        target = location;
    else if (location.empty())
        target = base.target;
    else if (location.starts_with('?'))
        target = std::string{path} + std::string{location};
    else
        target = std::string{path.substr(0, path.rfind('/') + 1)} + std::string{location};
    target = encoded(target);
    if (target.size() > max_url) return refuse(why, "the URL is longer than 8192 bytes");
    Url url = base;
    if (!set_target(url, target, why)) return std::nullopt;
    return url;
}

std::string scheme_of(std::string_view text)
{
    const auto end = text.find("://");
    if (end == std::string_view::npos || end == 0) return {};
    std::string scheme = base::to_lower(text.substr(0, end));
    const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto other = [](char c) { return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'; };
    const bool valid =
        letter(scheme.front()) && std::ranges::all_of(scheme, [&](char c) { return letter(c) || other(c); });
    return valid ? scheme : std::string{};
}

namespace {

// HOST or HOST:PORT, as far as the characters tell.
bool is_host_and_port(std::string_view authority)
{
    if (authority.starts_with('[')) authority.remove_prefix(std::min(authority.find(']'), authority.size()));
    const auto colon = authority.find(':');
    return colon == std::string_view::npos || std::ranges::all_of(authority.substr(colon + 1), digit);
}

// Returns the index of the "@" that ends the user information, or npos if the URL has none. A "/", "?" or "#"
// in a password that nobody has percent-encoded looks like the end of the authority. http:// and no scheme
// may be of a proxy: there, in doubt, everything up to the last "@" is taken for a password. Any other URL
// has its query where the first "?" is, and HOST:PORT or ws://HOST before a "/" is not a user.
std::size_t end_of_user(std::string_view url, std::size_t authority)
{
    const std::string scheme = scheme_of(url);
    const bool maybe_proxy = scheme == "http" || scheme.empty();
    const std::size_t query = maybe_proxy ? url.npos : url.find_first_of("?#", authority);
    const std::size_t last = url.substr(0, query).rfind('@');
    if (last == url.npos || last < authority) return url.npos;
    const std::size_t end = std::min(url.find_first_of("/?#", authority), url.size());
    if (last < end) return last;
    const std::string_view host = url.substr(authority, end - authority);
    const bool colon_follows = url.substr(end, last - end).find(':') != url.npos;
    if (maybe_proxy) return host.find_first_of(":@") != host.npos || colon_follows ? last : url.npos;
    if (const std::size_t at = host.rfind('@'); at != host.npos) return authority + at;
    if (!is_host_and_port(host)) return last;
    const bool none = scheme == "ws" || scheme == "wss" || host.find(':') != host.npos || !colon_follows;
    return none ? url.npos : last;
}

// The URL with `instead` where the user was, "@" included.
std::string without_user(std::string_view text, std::string_view instead)
{
    std::string out{text};
    const std::size_t scheme = scheme_of(text).size(), begin = scheme == 0 ? 0 : scheme + 3;
    const std::size_t at = end_of_user(out, begin);
    if (at != std::string::npos) out.replace(begin, at + 1 - begin, instead);
    return out;
}

} // namespace

std::string shown_url(std::string_view text)
{
    const std::string url = without_user(text, "");
    // An "&" without "?": the "?" was taken for a part of a password.
    return url.substr(0, url.find_first_of("?#&"));
}

std::string redact_url(std::string_view text)
{
    const std::string url = without_user(text, "***@");
    // An "&" without "?": the "?" was taken for a part of a password.
    const auto query = std::min(url.find_first_of("?&"), url.size());
    std::string shown = url.substr(0, query);
    for (std::size_t at = query; at < url.size();) { // "?k=v" or "&k=v" at a time
        const auto next = std::min(url.find('&', at + 1), url.size());
        const std::string pair = url.substr(at, next - at);
        const auto equals = pair.find('=');
        shown += equals == std::string::npos ? pair : pair.substr(0, equals + 1) + "***";
        at = next;
    }
    return shown;
}

std::string printable(std::string_view text, std::size_t max)
{
    std::string out{text.substr(0, max)};
    std::replace_if(
        out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; },
        '?');
    return out;
}

} // namespace agenthost::netclient
