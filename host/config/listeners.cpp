#include "bind.hpp"
#include "fields.hpp"
#include "tables.hpp"

#include "netclient/ip_address.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace agenthost::host::conf {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t max_binds = 16; // of one listener

// One address or a list of them.
Key bind_key()
{
    Key key;
    key.name = "bind";
    key.doc = "ADDRESS:PORT, such as 127.0.0.1:3001, or a list of them. Port 0: any free one. [::]:443 "
              "serves IPv6 and IPv4, *:443 "
              "all addresses. Beside an IPv4 address with the same port, [::] serves IPv6 alone.";
    key.read = [](Reading& r, const Value& value, const std::string& path, void* object) {
        auto& bind = static_cast<ListenerConfig*>(object)->bind;
        if (value.kind == Value::Kind::list) {
            if (auto all = read_list(r, value, path, false)) bind = std::move(*all);
        } else if (auto one = read_text(r, value, path, "an address or a list of addresses", 64)) {
            bind = {std::move(*one)};
        }
    };
    key.show = [](const void* object) {
        const auto& bind = static_cast<const ListenerConfig*>(object)->bind;
        return bind.size() == 1 ? Json(bind.front()) : bind.empty() ? Json{} : Json(bind);
    };
    key.schema = [] {
        return Json{{"anyOf", Json::array({Json{{"type", "string"}},
                                           Json{{"type", "array"}, {"items", {{"type", "string"}}}}})}};
    };
    return key;
}

const Section& listener_section()
{
    static const Section section{
        {
            text("name", &ListenerConfig::name, "The name that plugins' configuration refers to.", 64),
            bind_key(),
            group("tls", &ListenerConfig::tls,
                  Section{{
                              path("certificate", &TlsServerConfig::certificate, "PEM, with its chain."),
                              path("key", &TlsServerConfig::key, "PEM; mode 0600."),
                              path("client_ca", &TlsServerConfig::client_ca,
                                   "If set, clients must present a certificate from this CA."),
                          },
                          ""},
                  "If absent, plain HTTP, which beyond loopback needs insecure: true."),
            flag("insecure", &ListenerConfig::insecure,
                 "true admits plain HTTP beyond loopback: anyone on the network path can read it."),
            whole("connections", &ListenerConfig::connections, 1, 1'000'000,
                  "Maximum number of connections; more are refused."),
            whole("per_address", &ListenerConfig::per_address, 1, 1'000'000,
                  "Maximum number of connections from one address."),
            size("header_bytes", &ListenerConfig::header_bytes, 1 << 10, 1 << 20,
                 "Maximum size of a request's header."),
            duration("header_timeout", &ListenerConfig::header_timeout, 100ms, 10min,
                     "Timeout for a request's header."),
            duration("body_timeout", &ListenerConfig::body_timeout, 100ms, 1h,
                     "Timeout without progress of a body."),
            duration("idle_timeout", &ListenerConfig::idle_timeout, 100ms, 1h,
                     "Timeout until the next request on an open connection."),
            list("trusted_proxies", &ListenerConfig::trusted_proxies,
                 "Addresses and ranges of reverse proxies. What they say about a client's address counts for "
                 "limits, throttles "
                 "and logs. X-Forwarded-For is read from the right up to the first address that is not "
                 "listed here, and so is "
                 "Forwarded (RFC 7239). A header that cannot be read, or two that disagree, count as the "
                 "proxy's own address."),
            flag("proxy_protocol", &ListenerConfig::proxy_protocol,
                 "true: every connection from trusted_proxies begins with a header of the PROXY protocol, "
                 "version 1 or 2. "
                 "One without it is closed. Other connections are not affected."),
        },
        ""};
    return section;
}

void check_binds(Reading& r, const Value& item, const std::string& path, const ListenerConfig& listener)
{
    if (!item.find("bind"))
        r.problems.add(item.where, path + ": bind is missing; write bind: \"127.0.0.1:3001\"");
    const Where where = where_of(item, "bind");
    if (item.find("bind") && item.find("bind")->value.kind == Value::Kind::list && listener.bind.empty())
        r.problems.add(where, path + ".bind: the list is empty; write bind: \"127.0.0.1:3001\"");
    if (listener.bind.size() > max_binds)
        r.problems.add(where, path + ".bind: more than " + std::to_string(max_binds) +
                                  " addresses; one wildcard such as [::]:3001 serves all of them");
    for (const std::string& text : listener.bind) {
        const auto bind = parse_bind(text);
        if (!bind) {
            r.problems.add(where, path + ".bind: \"" + text + "\" is " + why_no_bind(text));
        } else if (!listener.tls && !netclient::is_loopback_host(bind->address) && !listener.insecure) {
            r.problems.add(where,
                           path + ".bind: plain HTTP on " + bind->address +
                               " can be read by anyone on the network path. Add tls: {certificate: .., key: "
                               "..}, bind to 127.0.0.1, "
                               "or set insecure: true if that is meant");
        }
    }
}

void check_proxies(Reading& r, const Value& item, const std::string& path, const ListenerConfig& listener)
{
    for (const std::string& text : listener.trusted_proxies) {
        const auto range = netclient::parse_range(text);
        const Where where = where_of(item, "trusted_proxies");
        if (!range)
            r.problems.add(where, path + ".trusted_proxies: \"" + text +
                                      "\" is not an address or a range, such as 127.0.0.1, 10.0.0.0/8 or "
                                      "2001:db8::/64 (bits after "
                                      "the prefix are zero)");
        else if (range->prefix == 0 || (range->first.v4() && range->prefix <= 96))
            r.problems.add(where,
                           path + ".trusted_proxies: \"" + text +
                               "\" trusts everyone, so that each client could claim any address. List the "
                               "proxies' own addresses");
    }
    if (listener.proxy_protocol && listener.trusted_proxies.empty())
        r.problems.add(
            where_of(item, "proxy_protocol"),
            path + ".proxy_protocol: trusted_proxies is empty, so that no connection may bring the header. "
                   "List the proxies' addresses there");
}

void check_listener(Reading& r, const Value& item, const std::string& path, const ListenerConfig& listener)
{
    if (item.kind != Value::Kind::map) return; // reported
    if (!item.find("name"))
        r.problems.add(item.where, path + ": name is missing; plugins refer to a listener by it");
    if (!listener.name.empty() && !is_name(listener.name))
        r.problems.add(
            where_of(item, "name"),
            path +
                ".name: letters, digits, \".\", \"_\" and \"-\" only, at most 64, first a letter or digit");
    if (listener.name == "control" || listener.name == "metrics")
        r.problems.add(where_of(item, "name"),
                       path + ".name: \"" + listener.name + "\" is the host's own; choose another");
    if (listener.tls) {
        const Where where = where_of(item, "tls");
        for (const auto& [key, value] :
             {std::pair{"certificate", &listener.tls->certificate}, {"key", &listener.tls->key}})
            if (value->empty()) r.problems.add(where, path + ".tls: " + key + " is missing");
        const bool whole = !listener.tls->certificate.empty() && !listener.tls->key.empty();
        if (const Member* const tls = item.find("tls"))
            check_tls_files(
                r, tls->value, path + ".tls",
                {{"certificate", listener.tls->certificate}, {"client_ca", listener.tls->client_ca}},
                r.request && r.request->try_server_tls && whole ? r.request->try_server_tls(*listener.tls)
                                                                : "");
        if (!listener.tls->key.empty())
            check_secret_file(r, where_of(item.find("tls")->value, "key"), path + ".tls.key",
                              {SecretSource::Kind::file, listener.tls->key});
    }
    check_binds(r, item, path, listener);
    check_proxies(r, item, path, listener);
}

} // namespace

Key listeners_key()
{
    Key key;
    key.name = "listeners";
    key.doc = "Inbound HTTP and WebSocket, for plugins that register routes.";
    key.read = [](Reading& r, const Value& value, const std::string& path, void* object) {
        auto& config = *static_cast<Config*>(object);
        if (value.kind != Value::Kind::list)
            return expected(r, value, path, "a list of listeners (lines that begin with \"- name:\")");
        std::set<std::string> names, binds;
        for (std::size_t i = 0; i < value.items.size(); ++i) {
            const Value& item = value.items[i];
            const std::string at = path + "[" + std::to_string(i) + "]";
            ListenerConfig listener;
            read_section(r, listener_section(), item, at, &listener);
            check_listener(r, item, at, listener);
            if (!listener.name.empty() && !names.insert(listener.name).second)
                r.problems.add(where_of(item, "name"), at + ".name: a listener named \"" + listener.name +
                                                           "\" already exists above; rename one of them");
            for (const std::string& bind : listener.bind)
                if (!bind.ends_with(":0") && !binds.insert(bind).second)
                    r.problems.add(where_of(item, "bind"),
                                   at + ".bind: " +
                                       (std::ranges::count(listener.bind, bind) > 1
                                            ? bind + " is listed twice"
                                            : "another listener has " + bind + " already"));
            config.listeners.push_back(std::move(listener));
        }
    };
    make_list(key, &Config::listeners, listener_section, Json::array({"name", "bind"}));
    return key;
}

} // namespace agenthost::host::conf
