#include "config.hpp"

#include "plugins/docker/spec/document.hpp"
#include "plugins/docker/spec/refusal.hpp"
#include "plugins/docker/spec/registry_auth.hpp"

#include "base/json_units.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace agenthost::docker::service {

namespace {

// Servers never run as root. Without uid and gid they are the owner of data_dir, or the agent's own user, or,
// where both are root, nobody.
void choose_user(Json& config)
{
    if (config.contains("uid") || config.contains("gid") || !config.contains("data_dir")) return;
    constexpr std::uint32_t nobody = 65534;
    const Json& folder = config["data_dir"];
    struct stat found {};
    const bool owned = folder.is_string() && ::stat(folder.get<std::string>().c_str(), &found) == 0;
    uid_t uid = owned && found.st_uid != 0 ? found.st_uid : ::geteuid();
    gid_t gid = owned && found.st_uid != 0 ? found.st_gid : ::getegid();
    if (uid == 0) uid = gid = nobody;
    config["uid"] = uid;
    config["gid"] = gid != 0 ? gid : uid;
}

void read_duration(const Node& config, const char* key, std::chrono::milliseconds& to)
{
    const auto node = config.find(key);
    if (!node) return;
    std::string why;
    const auto parsed = base::duration_in(node->json(), why);
    if (!parsed) node->refuse(why + ".");
    to = *parsed;
}

void read_registries(const Node& config, std::vector<RegistryLogin>& to)
{
    const auto list = config.find("registries");
    if (!list) return;
    RegistryCredentials all; // only checks them
    for (const Node& one : list->elements(64)) {
        const auto registry = one.find("registry"), username = one.find("username"),
                   password = one.find("password");
        if (!registry || !username || !password) one.refuse("needs registry, username and password.");
        std::string why;
        const auto secret = base::secret_in(password->json(), why);
        if (!secret) password->refuse(why + ".");
        RegistryLogin login{registry->line(256), username->line(256), *secret};
        all.add({login.registry, login.username, "x"}, registry->path());
        to.push_back(std::move(login));
    }
}

PullPolicy read_pull(const Node& node)
{
    const std::string name = node.line(16);
    if (name == "missing") return PullPolicy::missing;
    if (name == "always") return PullPolicy::always;
    if (name == "never") return PullPolicy::never;
    node.refuse(shown(name) + " is not a pull policy. Use missing, always or never.");
}

void read_crash(const Node& node, Config& config)
{
    if (const auto restart = node.find("restart")) config.restart_after_crash = restart->flag();
    if (const auto clean = node.find("clean_exit")) config.crash_on_clean_exit = clean->flag();
    if (const auto count = node.find("max"))
        config.crash_limits.count = static_cast<std::size_t>(count->whole(1, 100));
    read_duration(node, "within", config.crash_limits.window);
    read_duration(node, "backoff", config.crash_limits.initial);
    read_duration(node, "max_backoff", config.crash_limits.max);
}

std::vector<std::string> read_hosts(const Node& list)
{
    std::vector<std::string> hosts;
    for (const Node& one : list.elements(1000)) {
        std::string host = one.line(253);
        if (host.empty()) one.refuse("is empty. Write a host, such as files.example.com.");
        hosts.push_back(std::move(host));
    }
    return hosts;
}

void read_positive(const Node& config, const char* key, std::chrono::milliseconds& to)
{
    read_duration(config, key, to);
    if (to.count() <= 0) config.find(key)->refuse("must be longer than 0.");
}

void read_transfers(const Node& node, transfer::Settings& to)
{
    if (const auto max = node.find("max")) to.max = static_cast<unsigned>(max->whole(1, 64));
    if (const auto queue = node.find("queue")) to.queue = static_cast<unsigned>(queue->whole(1, 10'000));
    if (const auto hosts = node.find("allow_hosts")) to.policy.allow_hosts = read_hosts(*hosts);
    if (const auto local = node.find("allow_private_networks"))
        to.policy.allow_private_networks = local->flag();
    if (const auto ca = node.find("tls_ca")) to.ca_file = ca->line(4096);
    read_positive(node, "connect_timeout", to.connect_timeout);
    read_positive(node, "idle_timeout", to.idle_timeout);
    if (const auto rate = node.find("min_rate")) {
        std::string why;
        const auto parsed = base::size_in(rate->json(), why);
        if (!parsed) rate->refuse(why + ".");
        to.min_rate.bytes_per_second = *parsed;
    }
    read_positive(node, "min_rate_window", to.min_rate.window);
}

} // namespace

Config parse_config(std::string_view text)
{
    Json json = parse_document(text, "config");
    if (!json.is_object()) refuse("config", "must be an object.");
    choose_user(json);
    Config config;
    config.policy = read_policy(json.dump());
    const Node node{json, ""};
    if (const auto socket = node.find("socket")) {
        config.socket = socket->line(107);
        if (config.socket.empty() || config.socket.front() != '/')
            socket->refuse("is not an absolute path. Write it as /run/docker.sock.");
    }
    read_registries(node, config.registries);
    if (const auto pull = node.find("pull")) config.pull = read_pull(*pull);
    read_duration(node, "pull_timeout", config.pull_timeout);
    read_duration(node, "stop_timeout", config.stop_timeout);
    read_duration(node, "install_timeout", config.install_timeout);
    read_duration(node, "stats_interval", config.stats_interval);
    if (const auto crash = node.find("crash")) read_crash(*crash, config);
    if (const auto project = node.find("quota_first_project"))
        config.quota_first_project = static_cast<std::uint32_t>(project->whole(0, max_first_project));
    if (const auto transfers = node.find("transfers")) read_transfers(*transfers, config.transfers);
    return config;
}

} // namespace agenthost::docker::service
