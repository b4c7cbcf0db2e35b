// The configuration as the daemon uses it: typed, checked, with defaults. Every key is described in
// packaging/conf/agenthost.yaml (complete, commented) and `agenthost config schema`. Immutable after loading;
// shared by pointer.
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

// A secret that is read at each use, so that a changed file takes effect: {file: PATH}, {env: NAME} or
// {systemd: NAME}.
using base::SecretSource;

using netclient::TlsClientConfig;
using netclient::TlsServerConfig;

struct ReconnectConfig {
    std::optional<milliseconds> initial, max; // absent: the protocol's default
    std::optional<double> factor, jitter;
    bool operator==(const ReconnectConfig&) const = default;
};

// The resources that each server may use.
struct Limits {
    std::uint64_t message_bytes = 1 << 20;      // from the server
    std::uint64_t peer_message_bytes = 1 << 20; // accepted by the server
    double messages_per_second = 100;           // commands admitted; 0 = unlimited
    std::uint32_t in_flight = 256;              // commands running or queued
    std::uint64_t memory = 32 << 20;            // params and results held for its commands
    std::uint64_t send_queue = 4 << 20;
    milliseconds cancel_grace{30'000}; // a USB write can stall this long before the kernel returns an error
    bool operator==(const Limits&) const = default;
};

struct ServerConfig {
    std::string name;                 // part of the journal's key
    std::string protocol;             // storage | panel | print | dashboard | signed
    std::string dialect = "document"; // or "field" (panel, dashboard)
    std::string url;
    std::string agent_id; // default: agent.id
    SecretSource credential;
    // absent: the actions that manifests alias for the protocol, and host.*.
    std::optional<std::vector<std::string>> allow;
    std::map<std::string, std::string> map; // wire word -> action
    std::map<std::string, std::string> headers;
    TlsClientConfig tls;
    std::string proxy;
    ReconnectConfig reconnect;
    std::optional<milliseconds> heartbeat;
    bool insecure = false;
    bool compress = false; // permessage-deflate, for messages above 10 KiB
    Limits limits;         // `limits:`, with this server's own `limits:` over it
    // The section named after the protocol (panel:, print:, signed:) as JSON, "{}" if absent; durations in ms
    // (metrics_interval_ms), paths absolute.
    std::string protocol_json;
    bool operator==(const ServerConfig&) const = default;
};

struct ListenerConfig {
    std::string name;
    std::vector<std::string> bind; // "127.0.0.1:3001", "[::1]:0"; port 0: any, shown by status
    std::optional<TlsServerConfig> tls;
    bool insecure = false;
    std::uint32_t connections = 20'000;
    std::uint32_t per_address = 200;
    std::uint64_t header_bytes = 16 << 10;
    milliseconds header_timeout{10'000};
    milliseconds body_timeout{30'000}; // without progress
    milliseconds idle_timeout{60'000}; // keep-alive
    // Addresses and ranges whose forwarded client address is trusted.
    std::vector<std::string> trusted_proxies;
    bool proxy_protocol = false; // connections from trusted_proxies begin with a PROXY header
    bool operator==(const ListenerConfig&) const = default;
};

// Source positions of a plugin's configuration keys: "/logs/0/path" -> "agenthost.yaml:12:5". Ignored by
// comparisons.
struct KeyPositions {
    std::map<std::string, std::string> at;
    // The position of the key that a JSON pointer names, or of its nearest known parent; empty: unknown.
    [[nodiscard]] std::string find(std::string_view pointer) const;
    bool operator==(const KeyPositions&) const { return true; }
};

struct PluginConfig {
    std::string id;
    bool enabled = false;
    bool isolated = false; // isolation: process
    bool required = false; // its failure to load stops the host
    std::string config_json = "{}";
    std::string where; // "agenthost.yaml:12:5", for messages about its config
    KeyPositions key_positions;
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
    std::uint32_t audit_sample = 100; // logs every Nth command without effects; 0: none
    milliseconds shutdown_commands{10'000}, shutdown_sessions{5'000}, shutdown_plugins{10'000};
    std::chrono::seconds journal_keep{7 * 24 * 3600};
    std::uint64_t journal_rows = 100'000;
    std::uint64_t journal_bytes = 256 << 20;
    Limits limits;
    std::vector<ServerConfig> servers;
    std::vector<ListenerConfig> listeners;
    std::vector<PluginConfig> plugins;
    std::vector<std::string> files; // what it was read from, in order; without empty files
};
using ConfigPtr = std::shared_ptr<const Config>;

// One problem: a full sentence, with file:line:column if known.
struct ConfigProblem {
    std::string text;
};

// The part of an installed plugin's manifest that loading needs.
struct KnownPlugin {
    std::string id;
    std::vector<std::string> actions;
    // Configuration keys that are paths ("format": "path" in the schema): "/tls_ca", "/logs/*/path".
    std::vector<std::string> paths;
};

struct LoadRequest {
    std::filesystem::path file; // empty: the default path, which need not exist
    std::vector<std::pair<std::string, std::string>> overrides; // -o section.key=value
    bool environment = true;                                    // AGENTHOST__SECTION__KEY
    // For a reload: files that had text at the start. One that is empty now is an error, because a tool may be
    // writing it and the reload would stop everything.
    std::vector<std::string> had_text = {};
    // Returns the plugins in these folders. Not set: allow and map are not checked against actions, and
    // relative paths in the configuration of plugins are not resolved.
    std::function<std::vector<KnownPlugin>(const std::vector<std::filesystem::path>&)> plugins = {};
    // For `config check`: loads certificates and keys and returns an error (empty: none). Not set: a missing
    // file is a warning, because one unusable server must not prevent the daemon from starting.
    std::function<std::string(const TlsClientConfig&)> try_client_tls = {};
    std::function<std::string(const TlsServerConfig&)> try_server_tls = {};
};

struct LoadResult {
    ConfigPtr config; // null if there is any problem
    std::vector<ConfigProblem> problems;
    std::vector<std::string> warnings;
};

LoadResult load_config(const LoadRequest&);
// Returns the path of the daemon's control socket, even if the rest of the configuration is invalid or
// unreadable.
std::filesystem::path find_control_socket(const LoadRequest&);

// The effective configuration as YAML, with every secret replaced (`agenthost config show`).
std::string show_config(const Config&);
// A JSON Schema of the whole file (`agenthost config schema`).
std::string config_schema();

using base::read_secret;

} // namespace agenthost::host
