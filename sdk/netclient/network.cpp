#include "network.hpp"

#include "address_policy.hpp"
#include "base/json_depth.hpp"
#include "base/trim.hpp"
#include "ip_address.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace agenthost::netclient {

namespace {

using Json = nlohmann::json;

// Takes ":PORT" off the end of an entry. False: the entry is for another port.
bool port_matches(std::string_view& entry, std::uint16_t port)
{
    if (parse_ip(entry) || parse_range(entry)) return true; // the colons of an IPv6 address
    const auto colon = entry.rfind(':');
    if (colon == std::string_view::npos) return true;
    const auto wanted = entry.substr(colon + 1);
    entry = entry.substr(0, colon);
    if (entry.starts_with('[') && entry.ends_with(']')) entry = entry.substr(1, entry.size() - 2);
    return wanted == std::to_string(port);
}

bool names(std::string_view entry, const Url& url)
{
    if (!port_matches(entry, url.port)) return false;
    if (entry == "*") return true;
    if (const auto ip = parse_ip(url.host)) {
        const auto range = parse_range(entry);
        return range && range->contains(*ip);
    }
    if (entry.starts_with("*.")) entry.remove_prefix(1);
    if (entry.starts_with('.')) entry.remove_prefix(1);
    return !entry.empty() &&
           (host_matches(entry, url.host) || host_matches("*." + std::string{entry}, url.host));
}

std::string text_at(const Json& object, const char* key)
{
    const auto at = object.find(key);
    return at != object.end() && at->is_string() ? at->get<std::string>() : std::string{};
}

std::vector<std::string> texts_at(const Json& object, const char* key)
{
    std::vector<std::string> out;
    const auto at = object.find(key);
    if (at == object.end() || !at->is_array()) return out;
    for (const auto& each : *at)
        if (each.is_string()) out.push_back(each.get<std::string>());
    return out;
}

} // namespace

const Proxy* Network::proxy_for(const Url& url) const
{
    return proxy && !in_no_proxy(no_proxy, url) ? &*proxy : nullptr;
}

TlsClientConfig Network::tls_for(const Url& url, const TlsClientConfig& own) const
{
    TlsClientConfig out = at_origin(url) ? tls : own;
    if (at_origin(url)) {
        out.more_ca = own.more_ca;
        out.system_too = out.ca.empty();
    } else if (!tls.ca.empty()) {
        out.more_ca.push_back(tls.ca);
    }
    return out;
}

bool Network::trusts_address_of(const Url& url) const
{
    const bool proves_identity = url.tls && (tls.verify || !tls.pin_sha256.empty());
    return at_origin(url) && (proves_identity || parse_ip(url.host) || url.host == "localhost");
}

std::string network_json(const NetworkSettings& settings)
{
    Json json{{"server", settings.server}};
    const auto add = [](Json& object, const char* key, const std::string& value) {
        if (!value.empty()) object[key] = value;
    };
    add(json, "origin", settings.origin);
    add(json, "proxy", settings.proxy);
    if (!settings.no_proxy.empty()) json["no_proxy"] = settings.no_proxy;
    Json tls{{"verify", settings.tls.verify}};
    add(tls, "ca", settings.tls.ca);
    add(tls, "certificate", settings.tls.certificate);
    add(tls, "key", settings.tls.key);
    add(tls, "server_name", settings.tls.server_name);
    if (!settings.tls.pin_sha256.empty()) tls["pin_sha256"] = settings.tls.pin_sha256;
    json["tls"] = std::move(tls);
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<Network> parse_network(std::string_view text, std::string& why)
{
    const auto json = base::parse_json<Json>(text);
    if (!json.is_object()) {
        why = "the host's network settings are not a JSON object";
        return std::nullopt;
    }
    Network out;
    if (const auto origin = text_at(json, "origin"); !origin.empty()) {
        out.origin = parse_url(origin, why);
        if (!out.origin) return std::nullopt;
    }
    if (const auto proxy = text_at(json, "proxy"); !proxy.empty()) {
        out.proxy = parse_proxy(proxy, why);
        if (!out.proxy) {
            why.insert(0, "proxy: ");
            return std::nullopt;
        }
    }
    out.no_proxy = texts_at(json, "no_proxy");
    if (const auto tls = json.find("tls"); tls != json.end() && tls->is_object()) {
        out.tls.ca = text_at(*tls, "ca");
        out.tls.certificate = text_at(*tls, "certificate");
        out.tls.key = text_at(*tls, "key");
        out.tls.server_name = text_at(*tls, "server_name");
        out.tls.pin_sha256 = texts_at(*tls, "pin_sha256");
        const auto verify = tls->find("verify");
        out.tls.verify = verify == tls->end() || !verify->is_boolean() || verify->get<bool>();
    }
    return out;
}

std::vector<std::string> environment_no_proxy(std::string& why)
{
    const char* list = std::getenv("NO_PROXY");
    if (list == nullptr) list = std::getenv("no_proxy");
    if (list == nullptr) return {};
    // The settings must fit into AGH_NETWORK_BYTES, and JSON needs up to six bytes for one.
    constexpr std::size_t max_bytes = 8 << 10;
    if (std::strlen(list) > max_bytes) {
        why =
            "NO_PROXY is longer than 8 KiB, so it is not read, and sessions and transfers use their server's "
            "proxy. Shorten it, for example with ranges (10.0.0.0/8) or domains (.example.com).";
        return {};
    }
    return split_no_proxy(list);
}

std::vector<std::string> split_no_proxy(std::string_view text)
{
    std::vector<std::string> out;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        if (const auto entry = base::trim(text.substr(0, comma)); !entry.empty()) out.emplace_back(entry);
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return out;
}

bool in_no_proxy(const std::vector<std::string>& list, const Url& url)
{
    return std::any_of(list.begin(), list.end(), [&](const std::string& entry) { return names(entry, url); });
}

} // namespace agenthost::netclient
