// The sections of a server that are named after its protocol: panel, print, signed. Read into a struct, kept as JSON in
// ServerConfig::protocol_json.
#include "fields.hpp"
#include "server_tables.hpp"

#include "base/json_units.hpp"

namespace agenthost::host::conf {

using namespace std::chrono_literals;

namespace {

struct Panel {
    std::string register_url;
    SecretSource admin_credential;
    std::uint32_t port = 0;
    milliseconds refresh = 24h;
};
Json pack(const Panel& p)
{
    Json out{{"port", p.port}, {"refresh_ms", p.refresh.count()}};
    if (!p.register_url.empty()) out["register_url"] = p.register_url;
    if (const Json secret = show_secret(p.admin_credential); !secret.is_null())
        out["admin_credential"] = secret;
    return out;
}
void unpack(const Json& json, Panel& p)
{
    p.port = json.value("port", 0u);
    p.refresh = milliseconds{json.value("refresh_ms", std::int64_t{86'400'000})};
    p.register_url = json.value("register_url", "");
    const Json secret = json.value("admin_credential", Json::object());
    std::string why;
    if (auto source = base::secret_in(secret, why)) p.admin_credential = std::move(*source);
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

} // namespace

std::vector<Key> protocol_keys()
{
    return {
        protocol_section<Panel>("panel",
                                {{
                                     text("register_url", &Panel::register_url,
                                          "Where the agent registers once to get its id and token.", 4096),
                                     secret("admin_credential", &Panel::admin_credential,
                                            "What the registration is authorised with."),
                                     whole("port", &Panel::port, 0, 65535, "The port told at registration."),
                                     duration("refresh", &Panel::refresh, 1s, 8760h,
                                              "The token is exchanged for a new one this often."),
                                 },
                                 ""},
                                "Only with protocol: panel."),
        protocol_section<Print>("print", {{text("shop_id", &Print::shop_id, "Default: agent_id.", 128)}, ""},
                                "Only with protocol: print."),
        protocol_section<Signed>("signed",
                                 {{duration("metrics_interval", &Signed::metrics_interval, 100ms, 24h,
                                            "Time between metrics messages.")},
                                  ""},
                                 "Only with protocol: signed."),
    };
}

} // namespace agenthost::host::conf
