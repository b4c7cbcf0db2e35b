// The configuration as the daemon uses it: typed, checked, defaults filled in. Where each key comes from and what it means is in
// packaging/conf/agenthost.yaml (complete, commented) and `agenthost config schema`. Immutable after load; shared by pointer.
#pragma once

#include "base/secret.hpp"
#include "netclient/tls.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host {

using std::chrono::milliseconds;

// A secret that is read when it is needed, so that a changed file counts: {file: PATH}, {env: NAME} or {systemd: NAME}.
using base::SecretSource;

using netclient::TlsClientConfig;
using netclient::TlsServerConfig;

struct ReconnectConfig {
    std::optional<milliseconds> initial, max; // absent: what the protocol says
    std::optional<double> factor, jitter;
    bool operator==(const ReconnectConfig&) const = default;
};

// Each server's share of this machine.
struct Limits {
    std::uint64_t message_bytes = 1 << 20;      // from the server
    std::uint64_t peer_message_bytes = 1 << 20; // that the server accepts
    double messages_per_second = 100;           // commands admitted; 0 = unlimited
    std::uint32_t in_flight = 256;              // commands running or queued
    std::uint64_t memory = 32 << 20;            // params and results held for its commands
    std::uint64_t send_queue = 4 << 20;
    milliseconds cancel_grace{30'000}; // a USB write can stall this long before the kernel gives up
    bool operator==(const Limits&) const = default;
};

struct ServerConfig {
    std::string name;                 // part of the journal's key
    std::string protocol;             // storage | panel | print | dashboard | signed
    std::string dialect = "document"; // or "field" (panel, dashboard)
    std::string url;
    std::string agent_id; // default: agent.id
    SecretSource credential;
    std::optional<std::vector<std::string>>
        allow;                              // absent: what manifests alias for the protocol, and host.*
    std::map<std::string, std::string> map; // wire word -> action
    std::map<std::string, std::string> headers;
    TlsClientConfig tls;
    std::string proxy;
    ReconnectConfig reconnect;
    std::optional<milliseconds> heartbeat;
    bool insecure = false;
    bool compress = false; // permessage-deflate, for messages above 10 KiB
    Limits limits;         // `limits:`, with this server's own `limits:` over it
    std::string
        protocol_json; // the section named after the protocol (panel:, print:, signed:) as JSON, "{}" when absent;
                       // durations in ms (metrics_interval_ms), paths absolute
    bool operator==(const ServerConfig&) const = default;
};

struct ListenerConfig {
    std::string name;
    std::vector<std::string> bind; // "127.0.0.1:3001", "[::1]:0"; port 0: any, told by status
    std::optional<TlsServerConfig> tls;
    bool insecure = false;
    std::uint32_t connections = 20'000;
    std::uint32_t per_address = 200;
    std::uint64_t header_bytes = 16 << 10;
    milliseconds header_timeout{10'000};
    milliseconds body_timeout{30'000}; // without progress
    milliseconds idle_timeout{60'000}; // keep-alive
    std::vector<std::string>
        trusted_proxies;         // addresses and ranges whose word about the client's address is taken
    bool proxy_protocol = false; // connections from those begin with a PROXY header
    bool operator==(const ListenerConfig&) const = default;
};

// Where the keys of a plugin's configuration were written: "/logs/0/path" -> "agenthost.yaml:12:5". Never counts as a difference.
struct KeyPlaces {
    std::map<std::string, std::string> at;
    // The place of the key that a JSON pointer names, or of the nearest one around it; empty: none is known.
    [[nodiscard]] std::string find(std::string_view pointer) const;
    bool operator==(const KeyPlaces&) const { return true; }
};

struct PluginConfig {
    std::string id;
    bool enabled = false;
    bool isolated = false; // isolation: process
    bool required = false; // its failure to load stops the host
    std::string config_json = "{}";
    std::string where; // "agenthost.yaml:12:5", for messages about its config
    KeyPlaces places;
    bool operator==(const PluginConfig&) const = default;
};

struct Config {
    std::string agent_id;
    std::map<std::string, std::string> labels;
    std::filesystem::path state_dir;
    std::vector<std::filesystem::path> plugin_path;
    std::uint32_t io_threads = 1;
    std::string log_level = "info", log_format = "auto";
    std::filesystem::path control_socket;
    std::string metrics_bind;         // empty: only on the control socket
    std::string audit_file;           // empty: to the log
    std::uint32_t audit_sample = 100; // of commands without effects every so many-th; 0: none
    milliseconds shutdown_commands{10'000}, shutdown_sessions{5'000}, shutdown_plugins{10'000};
    std::chrono::seconds journal_keep{7 * 24 * 3600};
    std::uint64_t journal_rows = 100'000;
    std::uint64_t journal_bytes = 256 << 20;
    Limits limits;
    std::vector<ServerConfig> servers;
    std::vector<ListenerConfig> listeners;
    std::vector<PluginConfig> plugins;
    std::vector<std::string> files; // what it was read from, in order
};
using ConfigPtr = std::shared_ptr<const Config>;

// What is wrong, each a full sentence with file:line:column where there is one.
struct ConfigProblem {
    std::string text;
};

// What a load has to know of an installed plugin, from its manifest.
struct KnownPlugin {
    std::string id;
    std::vector<std::string> actions;
    // Keys of its configuration that are paths ("format": "path" in the schema): "/tls_ca", "/logs/*/path".
    std::vector<std::string> paths;
};

struct LoadRequest {
    std::filesystem::path file;                                 // empty: the default path, and none is fine
    std::vector<std::pair<std::string, std::string>> overrides; // -o section.key=value
    bool environment = true;                                    // AGENTHOST__SECTION__KEY
    // The plugins in these folders. Not set: allow and map are not compared with actions, and relative paths in the
    // configuration of plugins stay as they are.
    std::function<std::vector<KnownPlugin>(const std::vector<std::filesystem::path>&)> plugins = {};
    // For `config check`: certificates and keys are loaded; what comes back is an error (empty: good). Not set: a file that is
    // missing is a warning, because a server that is away must not keep the daemon from starting.
    std::function<std::string(const TlsClientConfig&)> try_client_tls = {};
    std::function<std::string(const TlsServerConfig&)> try_server_tls = {};
};

struct LoadResult {
    ConfigPtr config; // null when there is any problem
    std::vector<ConfigProblem> problems;
    std::vector<std::string> warnings;
};

LoadResult load_config(const LoadRequest&);
// Only where the daemon's control socket would be, even when the rest is wrong or unreadable.
std::filesystem::path find_control_socket(const LoadRequest&);

// The effective configuration as YAML, every secret replaced (`agenthost config show`).
std::string show_config(const Config&);
// A JSON Schema of the whole file (`agenthost config schema`).
std::string config_schema();

using base::read_secret;

} // namespace agenthost::host
