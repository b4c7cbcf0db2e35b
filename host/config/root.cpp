#include "bind.hpp"
#include "fields.hpp"
#include "tables.hpp"

#include "base/base64.hpp"
#include "netclient/ip_address.hpp"

namespace agenthost::host::conf {

using namespace std::chrono_literals;

namespace {

Key plugin_path_key()
{
    Key key;
    key.name = "plugin_path";
    key.doc = "Folders to search for plugins; the first one that has a plugin wins.";
    key.read = [](Reading& r, const Value& value, const std::string& path, void* object) {
        const auto list = read_list(r, value, path, true);
        if (list) static_cast<Config*>(object)->plugin_path.assign(list->begin(), list->end());
    };
    key.show = [](const void* object) {
        Json out = Json::array();
        for (const auto& folder : static_cast<const Config*>(object)->plugin_path)
            out.push_back(folder.string());
        return out;
    };
    key.schema = [] { return Json{{"type", "array"}, {"items", {{"type", "string"}}}}; };
    return key;
}

// base64 of 32 bytes; curl's "sha256//" in front is fine.
Key pins_key()
{
    Key key = list("pin_sha256", &TlsClientConfig::pin_sha256,
                   "base64 of the SHA-256 of the server's public key; one of them must match. `agenthost "
                   "doctor` prints it.");
    key.read = [](Reading& r, const Value& value, const std::string& path, void* object) {
        auto pins = read_list(r, value, path, false);
        if (!pins) return;
        for (std::size_t i = 0; i < pins->size(); ++i) {
            std::string& pin = (*pins)[i];
            if (pin.starts_with("sha256//")) pin.erase(0, 8);
            const auto bytes = base::from_base64(pin);
            if (!bytes || bytes->size() != 32)
                r.problems.add(value.where, path + "[" + std::to_string(i) +
                                                "]: expected base64 of 32 bytes (44 characters), not \"" +
                                                pin.substr(0, 60) + '"');
        }
        static_cast<TlsClientConfig*>(object)->pin_sha256 = std::move(*pins);
    };
    return key;
}

Key metrics_bind_key()
{
    Key key = text(
        "bind", &Config::metrics_bind,
        "A loopback ADDRESS:PORT for /metrics, /healthz, /readyz. Default: only on the control socket.", 64);
    const auto read = key.read;
    key.read = [read](Reading& r, const Value& value, const std::string& path, void* object) {
        read(r, value, path, object);
        const std::string& text = static_cast<Config*>(object)->metrics_bind;
        if (text.empty()) return;
        const auto bind = parse_bind(text);
        if (!bind)
            r.problems.add(value.where,
                           path + ": \"" + text +
                               "\" is not ADDRESS:PORT with a numeric address, such as 127.0.0.1:9464");
        else if (!netclient::is_loopback_host(bind->address))
            r.problems.add(value.where,
                           path +
                               ": metrics are served without TLS or a password, so only on loopback; "
                               "write 127.0.0.1:" +
                               bind->port + " and put a proxy in front");
    };
    return key;
}

Key control_socket_key()
{
    Key key = path("socket", &Config::control_socket, "The unix socket of the agenthost command. Mode 0600.");
    const auto read = key.read;
    key.read = [read](Reading& r, const Value& value, const std::string& path, void* object) {
        read(r, value, path, object);
        constexpr std::size_t max_path = 107; // sun_path, with its NUL
        if (static_cast<Config*>(object)->control_socket.string().size() > max_path)
            r.problems.add(value.where,
                           path + ": longer than 107 bytes, more than the kernel takes for a socket");
    };
    return key;
}

Key agent_key()
{
    return group(
        "agent",
        {{
             text("id", &Config::agent_id,
                  "This agent's id. Default: the host name. Changes at the next start.", 128),
             dictionary("labels", &Config::labels, "site: leeds", "Free text for people and dashboards."),
             path("state_dir", &Config::state_dir,
                  "Journal, tokens and plugins' state; created with mode 0700."),
             plugin_path_key(),
             whole("io_threads", &Config::io_threads, 1, 64,
                   "Threads for connections; more than 1 only for thousands of connections."),
         },
         ""},
        "This agent.");
}

Key shutdown_key()
{
    return group("shutdown",
                 {{
                      duration("commands", &Config::shutdown_commands, 0ms, 1h,
                               "How long running commands may take to end when the daemon stops."),
                      duration("sessions", &Config::shutdown_sessions, 0ms, 10min,
                               "How long each session may take to send its queue and close."),
                      duration("plugins", &Config::shutdown_plugins, 0ms, 1h,
                               "How long each plugin may take to finish."),
                  },
                  ""},
                 "How long a stop waits. The process exits 20 s after the sum; systemd's TimeoutStopSec "
                 "must be "
                 "longer.");
}

Key journal_key()
{
    return group("journal",
                 {{
                      duration("keep", &Config::journal_keep, 1min,
                               milliseconds{std::chrono::hours{24 * 3650}}, "How long results are kept."),
                      whole("rows", &Config::journal_rows, 100, 100'000'000,
                            "Maximum number of results, half of it divided evenly among the servers; beyond "
                            "it new work with "
                            "effects is refused."),
                      size("bytes", &Config::journal_bytes, 1 << 20, 1ULL << 40,
                           "Maximum size of the results, divided in the same way."),
                  },
                  ""},
                 "Keeps commands from being lost or run twice.");
}

} // namespace

Section tls_client_section()
{
    return {{
                path("ca", &TlsClientConfig::ca,
                     "PEM file of the CA that signed the server's certificate, a root or an intermediate. "
                     "Transfers that the server requests trust it as well. Default: the system's CAs."),
                path("certificate", &TlsClientConfig::certificate,
                     "Client certificate, if the server requires one."),
                path("key", &TlsClientConfig::key, "Its private key; mode 0600."),
                pins_key(),
                text("server_name", &TlsClientConfig::server_name,
                     "The name in the server's certificate, if it differs from the URL's host.", 253),
                flag("verify", &TlsClientConfig::verify, "false accepts any certificate."),
            },
            ""};
}

Section limits_section()
{
    return {
        {
            size("message_bytes", &Limits::message_bytes, 1 << 10, 64 << 20, "Largest message accepted."),
            size("peer_message_bytes", &Limits::peer_message_bytes, 4 << 10, 64 << 20,
                 "Largest message the server accepts. A larger result becomes the error TOO_LARGE; larger "
                 "events and "
                 "output are dropped."),
            real("messages_per_second", &Limits::messages_per_second, 0, 1e6,
                 "Commands accepted; 0: no limit."),
            whole("in_flight", &Limits::in_flight, 1, 65'536, "Commands running or waiting."),
            size("memory", &Limits::memory, 64 << 10, 64ULL << 30, "Parameters and results of its commands."),
            size("send_queue", &Limits::send_queue, 64 << 10, 4ULL << 30, "Bytes waiting to be sent."),
            duration("cancel_grace", &Limits::cancel_grace, 0ms, 1h,
                     "How long a cancelled command may take to end before its plugin counts as unhealthy."),
        },
        ""};
}

void check_limits(Reading& r, const Value& item, const std::string& path, const Limits& limits)
{
    const Member* own = item.find("limits");
    if (!own || limits.memory >= limits.message_bytes)
        return; // inherited values are reported where they are set
    r.problems.add(own->value.where, (path.empty() ? "limits" : path + ".limits") + ": memory (" +
                                         format_size(limits.memory) +
                                         ") must hold at least one message (message_bytes is " +
                                         format_size(limits.message_bytes) + ")");
}

const Section& root_section()
{
    static const Section section{
        {
            agent_key(),
            group("log",
                  {{
                       choice("level", &Config::log_level, {"trace", "debug", "info", "warning", "error"},
                              "Lowest level that is logged."),
                       choice("format", &Config::log_format, {"auto", "text", "json", "journald"},
                              "auto: journald priorities under systemd, text on a terminal, else JSON."),
                   },
                   ""},
                  "What is logged, and how."),
            group("control", {{control_socket_key()}, ""},
                  "How the agenthost command connects to the daemon."),
            group("metrics", {{metrics_bind_key()}, ""}, "Prometheus metrics and health over HTTP."),
            group("audit",
                  {{
                       path("file", &Config::audit_file, "File of JSON lines, mode 0600. Default: the log."),
                       whole("sample", &Config::audit_sample, 0, 1'000'000,
                             "Records all commands with effects and every n-th of the others; 0: none of the "
                             "others."),
                   },
                   ""},
                  "Records who requested what and the outcome; never parameters."),
            shutdown_key(),
            journal_key(),
            group("limits", &Config::limits, limits_section(), "Limits of each server."),
            servers_key(),
            listeners_key(),
            plugins_key(),
        },
        "",
        true};
    return section;
}

} // namespace agenthost::host::conf
