#include "fields.hpp"
#include "secret.hpp"
#include "tables.hpp"
#include "url.hpp"

#include <kit/hash.hpp>

#include <algorithm>
#include <set>

namespace agenthost::host::conf {

using namespace std::chrono_literals;

Where where_of(const Value& value, std::string_view key)
{
    const Member* member = value.find(key);
    return member ? member->value.where : value.where;
}

bool is_name(std::string_view name)
{
    const auto alnum = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    if (name.empty() || name.size() > 64 || !alnum(name[0])) return false;
    return std::all_of(name.begin(), name.end(),
                       [&](char c) { return alnum(c) || c == '.' || c == '_' || c == '-'; });
}

void check_secret_file(Reading& r, const Where& where, const std::string& path, const std::string& file)
{
    const SecretFile state = look_at_secret_file(file);
    if (state.verdict == SecretFile::Verdict::refused) r.problems.add(where, path + ": " + state.text);
    if (state.verdict == SecretFile::Verdict::doubtful) r.problems.warn(where, path + ": " + state.text);
}

namespace {

// --- the sections named after a protocol --------------------------------------------------------------------------------------

struct Panel {
    std::string register_url;
    SecretSource admin_credential;
    std::uint32_t port = 0;
};
Json pack(const Panel& p)
{
    Json out{{"port", p.port}};
    if (!p.register_url.empty()) out["register_url"] = p.register_url;
    if (const Json secret = show_secret(p.admin_credential); !secret.is_null())
        out["admin_credential"] = secret;
    return out;
}
void unpack(const Json& json, Panel& p)
{
    p.port = json.value("port", 0u);
    p.register_url = json.value("register_url", "");
    const Json secret = json.value("admin_credential", Json::object());
    for (const auto& [way, name] : secret.items())
        p.admin_credential = {way == "file"  ? SecretSource::Kind::file
                              : way == "env" ? SecretSource::Kind::env
                                             : SecretSource::Kind::systemd,
                              name.get<std::string>()};
}

struct Print {
    std::string shop_id;
};
Json pack(const Print& p) { return p.shop_id.empty() ? Json::object() : Json{{"shop_id", p.shop_id}}; }
void unpack(const Json& json, Print& p) { p.shop_id = json.value("shop_id", ""); }

struct Signed {
    milliseconds metrics_interval = 5s;
};
Json pack(const Signed& s) { return {{"metrics_interval_ms", s.metrics_interval.count()}}; }
void unpack(const Json& json, Signed& s)
{
    s.metrics_interval = milliseconds{json.value("metrics_interval_ms", 5000)};
}

// Read into a struct, kept as JSON in ServerConfig::protocol_json.
template <class T> Key protocol_section(const char* protocol, Section section, const char* doc)
{
    auto shared = std::make_shared<const Section>(std::move(section));
    const std::string name = protocol;
    Key key;
    key.name = name;
    key.doc = doc;
    key.read = [=](Reading& r, const Value& value, const std::string& path, void* object) {
        auto& server = *static_cast<ServerConfig*>(object);
        if (server.protocol != name) {
            if (!server.protocol.empty())
                r.problems.add(value.where, path + ": is for protocol " + name + ", but this server speaks " +
                                                server.protocol);
            return;
        }
        T section_value;
        read_section(r, *shared, value, path, &section_value);
        server.protocol_json = pack(section_value).dump();
    };
    key.show = [=](const void* object) -> Json {
        const auto& server = *static_cast<const ServerConfig*>(object);
        if (server.protocol != name || server.protocol_json == "{}") return {};
        T section_value;
        unpack(Json::parse(server.protocol_json), section_value);
        return show_section(*shared, &section_value);
    };
    key.schema = [=] { return section_schema(*shared); };
    return key;
}

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
    key.show = [member](const void* object) { return text_or_null(redact_url(get(object, member))); };
    return key;
}

Section reconnect_section()
{
    return {
        {
            duration("initial", &ReconnectConfig::initial, 10ms, 1h,
                     "The first delay. Default: what the protocol says."),
            real("factor", &ReconnectConfig::factor, 1, 10, "Each further delay is this many times longer."),
            duration("max", &ReconnectConfig::max, 10ms, 24h, "The longest delay."),
            real("jitter", &ReconnectConfig::jitter, 0, 0.9,
                 "Spread of each delay: 0.2 means plus or minus 20 %."),
        },
        ""};
}

const Section& server_section()
{
    static const Section section{
        {
            text("name", &ServerConfig::name, "Part of the journal's key: keep it stable.", 64),
            choice("protocol", &ServerConfig::protocol, {"storage", "panel", "print", "dashboard", "signed"},
                   "What the server speaks on the wire."),
            url_key("url", &ServerConfig::url,
                    "wss://HOST[:PORT]/PATH. For panel it may be absent: the registration tells it then; for "
                    "signed, "
                    "{public_ip} stands for the machine's public address."),
            text("agent_id", &ServerConfig::agent_id, "Who this agent is for the server. Default: agent.id.",
                 128),
            secret("credential", &ServerConfig::credential,
                   "Where the token or shared secret is read from, each time it is needed."),
            list("allow", &ServerConfig::allow,
                 "Actions the server may ask for, as patterns. Default: what the plugins' manifests name for "
                 "the protocol, and host.*."),
            dictionary("map", &ServerConfig::map, "word: plugin.action",
                       "Wire word to action, over the aliases of the manifests."),
            headers_key(),
            group("tls", &ServerConfig::tls, tls_client_section(),
                  "How the server proves itself, and how we do."),
            url_key("proxy", &ServerConfig::proxy, "http://HOST:PORT of a proxy that knows CONNECT."),
            group("reconnect", &ServerConfig::reconnect, reconnect_section(),
                  "Delays between attempts. Default: what the protocol says."),
            duration("heartbeat", &ServerConfig::heartbeat, 100ms, 1h,
                     "Interval of heartbeats or pings. Default: what the protocol says."),
            flag("insecure", &ServerConfig::insecure,
                 "true admits ws:// and http:// beyond loopback: everyone between can read along."),
            group("limits", &ServerConfig::limits, limits_section(),
                  "This server's own, over the common `limits`."),
            protocol_section<Panel>(
                "panel",
                {{
                     text("register_url", &Panel::register_url,
                          "Where the agent registers once to get its id and token.", 4096),
                     secret("admin_credential", &Panel::admin_credential,
                            "What the registration is authorised with."),
                     whole("port", &Panel::port, 0, 65535, "The port told at registration."),
                 },
                 ""},
                "Only with protocol: panel."),
            protocol_section<Print>("print",
                                    {{text("shop_id", &Print::shop_id, "Default: agent_id.", 128)}, ""},
                                    "Only with protocol: print."),
            protocol_section<Signed>("signed",
                                     {{duration("metrics_interval", &Signed::metrics_interval, 100ms, 24h,
                                                "Time between metrics messages.")},
                                      ""},
                                     "Only with protocol: signed."),
        },
        ""};
    return section;
}

// --- rules between keys -------------------------------------------------------------------------------------------------------

void check_ws_url(Reading& r, const Value& item, const std::string& path, const ServerConfig& server)
{
    const Where where = where_of(item, "url");
    if (server.url.empty()) {
        if (item.find("url") && item.find("url")->value.kind != Value::Kind::null)
            return; // reported as no text
        if (server.protocol == "panel") {
            if (Json::parse(server.protocol_json).contains("register_url")) return;
            r.problems.add(item.where, path + ": needs url, or panel.register_url to learn it");
        } else {
            r.problems.add(item.where, path + ": url is missing; write url: wss://HOST/PATH");
        }
        return;
    }
    const auto placeholder = server.url.find("{public_ip}");
    std::string probe = server.url;
    if (placeholder != std::string::npos && server.protocol == "signed")
        probe.replace(placeholder, 11, "192.0.2.1");
    const auto url = parse_url(probe);
    if (!url) {
        r.problems.add(where, path + ".url: \"" + redact_url(server.url) +
                                  "\" is not a URL; write wss://HOST[:PORT]/PATH");
        return;
    }
    if (url->scheme == "http" || url->scheme == "https") {
        const std::string ws = url->secure() ? "wss" : "ws";
        r.problems.add(where, path + ".url: sessions are WebSockets; write " + ws + ":// in place of " +
                                  url->scheme + "://");
        return;
    }
    if (url->scheme != "ws" && url->scheme != "wss") {
        r.problems.add(where, path + ".url: unknown scheme \"" + url->scheme + "\"; expected wss or ws" +
                                  did_you_mean(url->scheme, {"wss", "ws"}));
        return;
    }
    if (!url->userinfo.empty())
        r.problems.add(
            where,
            path + ".url: a user or password does not belong into the URL; use credential: {file: PATH}");
    if (url->target.find('#') != std::string::npos)
        r.problems.add(where, path + ".url: a \"#\" part is never sent; leave it out");
    if (!url->secure() && !is_loopback(url->host) && !server.insecure)
        r.problems.add(where, path + ".url: ws:// to " + url->host +
                                  " sends the credential and all data unencrypted. Use wss://, or set "
                                  "insecure: true if that is meant");
    if (const auto query = url->target.find('?');
        query != std::string::npos && sounds_secret(url->target.substr(query)))
        r.problems.warn(where, path + ".url: seems to carry a secret in its query; credential: {file: PATH} "
                                      "keeps it out of this file");
}

void check_http_url(Reading& r, const Where& where, const std::string& path, const std::string& text,
                    bool plain_is_fine)
{
    const auto url = parse_url(text);
    if (!url || (url->scheme != "http" && url->scheme != "https")) {
        r.problems.add(where, path + ": expected https://HOST[:PORT]/PATH, not \"" + redact_url(text) + "\"");
        return;
    }
    if (!url->secure() && !is_loopback(url->host) && !plain_is_fine)
        r.problems.add(
            where, path + ": http:// to " + url->host +
                       " sends secrets unencrypted. Use https://, or set insecure: true if that is meant");
}

void check_tls(Reading& r, const Value& item, const std::string& path, const ServerConfig& server)
{
    const Member* member = item.find("tls");
    if (!member) return;
    const Value& tls = member->value;
    if (server.tls.key.empty() != server.tls.certificate.empty())
        r.problems.add(tls.where, path + ".tls: certificate and key belong together; " +
                                      (server.tls.key.empty() ? "key" : "certificate") + " is missing");
    if (!server.tls.key.empty())
        check_secret_file(r, where_of(tls, "key"), path + ".tls.key", server.tls.key);
    if (!server.tls.verify && server.tls.pin_sha256.empty())
        r.problems.warn(where_of(tls, "verify"),
                        path + ".tls.verify: false means that anyone between can pose as this server; "
                               "tls.ca or tls.pin_sha256 is safer");
}

void check_server(Reading& r, const Value& item, const std::string& path, const ServerConfig& server)
{
    if (item.kind != Value::Kind::map) return; // reported
    const auto given = [&](const char* key) { return item.find(key) != nullptr; };
    if (!given("name"))
        r.problems.add(item.where,
                       path + ": name is missing; it identifies the server in the journal and in status");
    if (!server.name.empty() && !is_name(server.name))
        r.problems.add(
            where_of(item, "name"),
            path +
                ".name: letters, digits, \".\", \"_\" and \"-\" only, at most 64, first a letter or digit");
    if (server.name == "control")
        r.problems.add(where_of(item, "name"),
                       path + ".name: \"control\" is the control socket's own name; choose another");
    if (!given("protocol"))
        r.problems.add(item.where,
                       path + ": protocol is missing: storage, panel, print, dashboard or signed");
    if (server.protocol.empty()) return;
    check_ws_url(r, item, path, server);
    if (!server.proxy.empty())
        check_http_url(r, where_of(item, "proxy"), path + ".proxy", server.proxy, true);
    const bool needs =
        server.protocol == "storage" || server.protocol == "dashboard" || server.protocol == "signed";
    if (needs && !given("credential"))
        r.problems.add(item.where, path + ": credential is missing; protocol " + server.protocol +
                                       " authenticates with one: credential: {file: PATH}");
    if (server.credential.kind == SecretSource::Kind::file)
        check_secret_file(r, where_of(item, "credential"), path + ".credential", server.credential.name);
    check_tls(r, item, path, server);
    check_limits(r, item, path, server.limits);
    if (server.reconnect.initial && server.reconnect.max && *server.reconnect.initial > *server.reconnect.max)
        r.problems.add(where_of(item, "reconnect"), path + ".reconnect: initial is longer than max");
    for (const auto& [word, action] : server.map)
        if (action.find('.') == std::string::npos)
            r.problems.add(where_of(item, "map"), path + ".map." + word + ": \"" + action +
                                                      "\" is not an action; actions are written PLUGIN.VERB");
    for (const auto& [name, value] : server.headers)
        if (name.empty() ||
            name.find_first_not_of(
                "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") !=
                std::string::npos)
            r.problems.add(where_of(item, "headers"),
                           path + ".headers: \"" + name + "\" is not the name of a header");
    if (server.protocol == "panel") {
        const Member* panel = item.find("panel");
        const Json section = Json::parse(server.protocol_json);
        if (panel && section.contains("register_url"))
            check_http_url(r, where_of(panel->value, "register_url"), path + ".panel.register_url",
                           section["register_url"].get<std::string>(), server.insecure);
        if (panel && section.contains("admin_credential") && section["admin_credential"].contains("file"))
            check_secret_file(r, where_of(panel->value, "admin_credential"), path + ".panel.admin_credential",
                              section["admin_credential"]["file"].get<std::string>());
    }
}

} // namespace

Key servers_key()
{
    Key key;
    key.name = "servers";
    key.doc = "Outbound sessions, one isolated state machine each.";
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
                r.problems.add(where_of(item, "name"),
                               at + ".name: a server named \"" + server.name + "\" stands above already");
            config.servers.push_back(std::move(server));
        }
    };
    key.show = [](const void* object) {
        Json out = Json::array();
        for (const ServerConfig& server : static_cast<const Config*>(object)->servers)
            out.push_back(show_section(server_section(), &server));
        return out;
    };
    key.schema = [] {
        Json item = section_schema(server_section());
        item["required"] = Json::array({"name", "protocol"});
        return Json{{"type", "array"}, {"items", std::move(item)}};
    };
    return key;
}

} // namespace agenthost::host::conf
