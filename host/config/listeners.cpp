#include "fields.hpp"
#include "tables.hpp"
#include "url.hpp"

#include <map>
#include <set>

namespace agenthost::host::conf {

using namespace std::chrono_literals;

namespace {

const Section& listener_section()
{
    static const Section section{
        {
            text("name", &ListenerConfig::name, "What plugins' configuration calls it.", 64),
            text("bind", &ListenerConfig::bind,
                 "ADDRESS:PORT, such as 127.0.0.1:3001 or [::]:443. Port 0: any free one.", 64),
            group("tls", &ListenerConfig::tls,
                  Section{{
                              path("certificate", &TlsServerConfig::certificate, "PEM, with its chain."),
                              path("key", &TlsServerConfig::key, "PEM; mode 0600."),
                              path("client_ca", &TlsServerConfig::client_ca,
                                   "When set, clients must show a certificate of this authority."),
                          },
                          ""},
                  "Absent: plain HTTP, which beyond loopback needs insecure: true."),
            flag("insecure", &ListenerConfig::insecure,
                 "true admits plain HTTP beyond loopback: everyone between can read along."),
            whole("connections", &ListenerConfig::connections, 1, 1'000'000,
                  "At most so many at once; more are refused."),
            whole("per_address", &ListenerConfig::per_address, 1, 1'000'000,
                  "At most so many from one address."),
            size("header_bytes", &ListenerConfig::header_bytes, 1 << 10, 1 << 20,
                 "Largest header of a request."),
            duration("header_timeout", &ListenerConfig::header_timeout, 100ms, 10min,
                     "For a request's header to arrive."),
            duration("body_timeout", &ListenerConfig::body_timeout, 100ms, 1h,
                     "For a body to make progress."),
            duration("idle_timeout", &ListenerConfig::idle_timeout, 100ms, 1h,
                     "For the next request on an open connection."),
        },
        ""};
    return section;
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
    if (!item.find("bind"))
        r.problems.add(item.where, path + ": bind is missing; write bind: \"127.0.0.1:3001\"");
    if (listener.bind.empty()) return;
    const Where where = where_of(item, "bind");
    const auto bind = parse_bind(listener.bind);
    if (!bind) {
        r.problems.add(where, path + ".bind: \"" + listener.bind +
                                  "\" is not ADDRESS:PORT with a numeric address, such as 127.0.0.1:3001, "
                                  "0.0.0.0:443 or [::1]:3001");
        return;
    }
    if (!listener.tls && !is_loopback(bind->address) && !listener.insecure)
        r.problems.add(where, path + ".bind: plain HTTP on " + bind->address +
                                  " can be read along by everyone between. Add tls: {certificate: .., key: "
                                  "..}, bind to 127.0.0.1, "
                                  "or set insecure: true if that is meant");
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
                r.problems.add(where_of(item, "name"),
                               at + ".name: a listener named \"" + listener.name + "\" stands above already");
            if (!listener.bind.empty() && !listener.bind.ends_with(":0") &&
                !binds.insert(listener.bind).second)
                r.problems.add(where_of(item, "bind"),
                               at + ".bind: another listener has " + listener.bind + " already");
            config.listeners.push_back(std::move(listener));
        }
    };
    key.show = [](const void* object) {
        Json out = Json::array();
        for (const ListenerConfig& listener : static_cast<const Config*>(object)->listeners)
            out.push_back(show_section(listener_section(), &listener));
        return out;
    };
    key.schema = [] {
        Json item = section_schema(listener_section());
        item["required"] = Json::array({"name", "bind"});
        return Json{{"type", "array"}, {"items", std::move(item)}};
    };
    return key;
}

} // namespace agenthost::host::conf
