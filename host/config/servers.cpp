// The table of servers: one entry reads, checks, explains, shows and describes a key.
#include "fields.hpp"
#include "secret_names.hpp"
#include "server_tables.hpp"

#include "netclient/proxy.hpp"
#include "netclient/url.hpp"

#include <set>

namespace agenthost::host::conf {

using namespace std::chrono_literals;

namespace {

// Values of headers may be secrets: those that sound so are not shown.
Key headers_key()
{
    Key key = dictionary("headers", &ServerConfig::headers, "X-Region: eu",
                         "Extra HTTP headers of the upgrade request.");
    key.show = [](const void* object) -> Json {
        Json out = Json::object();
        for (const auto& [name, value] : static_cast<const ServerConfig*>(object)->headers)
            out[name] = sounds_secret(name) ? "***" : value;
        return out.empty() ? Json{} : out;
    };
    return key;
}

Key url_key(const char* name, std::string ServerConfig::*member, const char* doc)
{
    Key key = text(name, member, doc, 4096);
    key.show = [member](const void* object) {
        const std::string& url = get(object, member);
        return text_or_null(member == &ServerConfig::proxy ? netclient::redact_proxy(url)
                                                           : netclient::redact_url(url));
    };
    return key;
}

Section reconnect_section()
{
    return {
        {
            duration("initial", &ReconnectConfig::initial, 10ms, 1h,
                     "The first delay. Default: the protocol's."),
            real("factor", &ReconnectConfig::factor, 1, 10, "Each further delay is this many times longer."),
            duration("max", &ReconnectConfig::max, 10ms, 24h, "The longest delay."),
            real("jitter", &ReconnectConfig::jitter, 0, 0.9,
                 "Spread of each delay: 0.2 means plus or minus 20 %."),
        },
        ""};
}

const Section& server_section()
{
    static const Section section = [] {
        Section made{
            {
                text("name", &ServerConfig::name, "Part of the journal's key: keep it stable.", 64),
                choice("protocol", &ServerConfig::protocol, protocol_names(), "The protocol of the server."),
                choice("dialect", &ServerConfig::dialect, dialect_names(),
                       "field: the variant that some deployed servers speak (panel and dashboard only)."),
                url_key("url", &ServerConfig::url,
                        "wss://HOST[:PORT]/PATH. For panel it may be absent: then the registration returns "
                        "it; for "
                        "signed, "
                        "{public_ip} stands for the machine's public address."),
                text("agent_id", &ServerConfig::agent_id,
                     "This agent's id for the server. Default: agent.id.", 128),
                secret("credential", &ServerConfig::credential,
                       "Source of the token or shared secret, read each time it is needed."),
                list("allow", &ServerConfig::allow,
                     "Actions the server may call, as patterns. Default: the actions that plugins' manifests "
                     "list "
                     "for "
                     "the protocol, and host.*."),
                dictionary("map", &ServerConfig::map, "word: plugin.action",
                           "Maps the server's own names to actions; overrides the manifests' aliases."),
                headers_key(),
                group("tls", &ServerConfig::tls, tls_client_section(),
                      "TLS: how the server and this agent authenticate."),
                url_key("proxy", &ServerConfig::proxy,
                        "http://[USER:PASSWORD@]HOST:PORT of a proxy that supports CONNECT. The session, the "
                        "registration and the transfers that the server requests go through it, but those to "
                        "hosts that the daemon's environment variable NO_PROXY lists are direct. A list "
                        "longer than 8 KiB is not read, with a warning."),
                group("reconnect", &ServerConfig::reconnect, reconnect_section(),
                      "Delays between connection attempts. Default: the protocol's."),
                duration("heartbeat", &ServerConfig::heartbeat, 100ms, 1h,
                         "Interval of heartbeats or pings. Default: the protocol's."),
                flag(
                    "insecure", &ServerConfig::insecure,
                    "true admits ws:// and http:// beyond loopback: anyone on the network path can read it."),
                flag("compress", &ServerConfig::compress,
                     "true offers permessage-deflate; messages above 10 KiB are compressed then. Costs "
                     "memory and time, "
                     "saves bandwidth."),
                group("limits", &ServerConfig::limits, limits_section(),
                      "Overrides the common `limits` for this server."),
            },
            ""};
        for (Key& key : protocol_keys()) made.keys.push_back(std::move(key));
        return made;
    }();
    return section;
}

} // namespace

Key servers_key()
{
    Key key;
    key.name = "servers";
    key.doc = "Servers to connect to; each session is isolated from the others.";
    key.read = [](Reading& r, const Value& value, const std::string& path, void* object) {
        auto& config = *static_cast<Config*>(object);
        if (value.kind != Value::Kind::list)
            return expected(r, value, path, "a list of servers (lines that begin with \"- name:\")");
        std::set<std::string> names;
        for (std::size_t i = 0; i < value.items.size(); ++i) {
            const Value& item = value.items[i];
            const std::string at = path + "[" + std::to_string(i) + "]";
            ServerConfig server;
            server.agent_id = config.agent_id;
            server.limits = config.limits;
            server.protocol_json = "{}";
            read_section(r, server_section(), item, at, &server);
            check_server(r, item, at, server);
            if (!server.name.empty() && !names.insert(server.name).second)
                r.problems.add(where_of(item, "name"), at + ".name: a server named \"" + server.name +
                                                           "\" already exists above; rename one of them");
            config.servers.push_back(std::move(server));
        }
    };
    make_list(key, &Config::servers, server_section, Json::array({"name", "protocol"}));
    return key;
}

} // namespace agenthost::host::conf
