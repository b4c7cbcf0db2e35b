#include "node_policy.hpp"

#include "cores.hpp"
#include "document.hpp"
#include "refusal.hpp"

#include "base/json_units.hpp"

#include <algorithm>
#include <array>

namespace agenthost::docker {

namespace {

// What the engines themselves give to containers by default, less what reaches the host's devices and raw
// network.
constexpr std::array<std::string_view, 10> harmless{"CHOWN",   "DAC_OVERRIDE",     "FOWNER", "FSETID",
                                                    "KILL",    "NET_BIND_SERVICE", "SETGID", "SETUID",
                                                    "SETPCAP", "SYS_CHROOT"};

std::string read_folder(const Node& node)
{
    std::string path = node.line(1024);
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    const bool plain = path.size() > 1 && path.front() == '/' &&
                       path.find_first_of(":,") == std::string::npos &&
                       (path + "/").find("/../") == std::string::npos &&
                       (path + "/").find("/./") == std::string::npos && path.find("//") == std::string::npos;
    if (!plain)
        node.refuse(shown(path) + " is not usable. Write an absolute path without .. : and , other than /.");
    return path;
}

std::string read_name(const Node& node)
{
    const std::string text = node.line(64);
    const bool good = !text.empty() && text.front() != '-' && text.front() != '.' &&
                      std::all_of(text.begin(), text.end(), [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                 c == '_' || c == '.' || c == '-';
                      });
    if (!good) node.refuse(shown(text) + " is not a name. Use letters, digits, _ . and -.");
    return text;
}

// "none" would leave servers without ports; "host" and "default" would put them on the host's own network.
std::string read_network(const Node& node)
{
    std::string text = read_name(node);
    if (text == "host" || text == "default" || text == "none" || text == "container" || text == "ns" ||
        text == "private" || text == "slirp4netns" || text == "pasta")
        node.refuse(
            shown(text) +
            " is a network mode. Name a bridge network, such as one made by `docker network create`.");
    return text;
}

void read_size(const Node& config, const char* key, std::uint64_t& size)
{
    const auto node = config.find(key);
    if (!node) return;
    std::string why;
    const auto parsed = base::size_in(node->json(), why);
    if (!parsed) node->refuse(why + ".");
    size = *parsed;
}

void read_cpu(const Node& config, const char* key, std::uint64_t& nano_cpus)
{
    if (const auto node = config.find(key)) nano_cpus = read_nano_cpus(*node);
}

void read_flag(const Node& config, const char* key, bool& flag)
{
    if (const auto node = config.find(key)) flag = node->flag();
}

template <class Number>
void read_count(const Node& config, const char* key, Number& number, std::uint64_t least, std::uint64_t most)
{
    if (const auto node = config.find(key)) number = static_cast<Number>(node->whole(least, most));
}

PortRange read_range(const Node& node)
{
    const std::string text = node.scalar(16);
    const auto dash = text.find('-');
    const Json first = text.substr(0, dash),
               last = dash == std::string::npos ? first : Json(text.substr(dash + 1));
    PortRange range;
    range.first = static_cast<std::uint16_t>(Node{first, node.path()}.whole(1, 65535));
    range.last = static_cast<std::uint16_t>(Node{last, node.path()}.whole(1, 65535));
    if (range.last < range.first) node.refuse("the range " + shown(text) + " ends before it begins.");
    return range;
}

void read_lists(const Node& config, NodePolicy& policy)
{
    if (const auto images = config.find("allow_images"))
        for (const Node& one : images->elements(256))
            policy.images.add(one.line(max_image_bytes), one.path());
    if (const auto addresses = config.find("bind_addresses"))
        for (const Node& one : addresses->elements(64)) {
            const auto ip = netclient::parse_ip(one.line(64));
            if (!ip) one.refuse("is not an IP address.");
            policy.addresses.push_back(*ip);
        }
    if (policy.addresses.empty()) policy.addresses.push_back(*netclient::parse_ip("0.0.0.0"));
    if (const auto ports = config.find("ports"))
        for (const Node& one : ports->elements(64)) policy.ports.push_back(read_range(one));
    if (policy.ports.empty()) policy.ports.push_back({});
    if (const auto capabilities = config.find("capabilities"))
        for (const Node& one : capabilities->elements(32)) {
            std::string name = one.line(64);
            if (name.starts_with("CAP_")) name.erase(0, 4);
            if (std::find(harmless.begin(), harmless.end(), name) == harmless.end())
                one.refuse(
                    shown(name) +
                    " would weaken the isolation of all servers. Allowed are CHOWN, DAC_OVERRIDE, FOWNER, "
                    "FSETID, KILL, NET_BIND_SERVICE, SETGID, SETUID, SETPCAP and SYS_CHROOT.");
            policy.capabilities.push_back(name);
        }
}

} // namespace

NodePolicy read_policy(std::string_view text)
{
    const Json json = parse_document(text, "config");
    if (!json.is_object()) refuse("config", "must be an object.");
    const Node config{json, ""};
    NodePolicy policy;
    const auto data_dir = config.find("data_dir");
    if (!data_dir) refuse("data_dir", "is missing. Name the folder that holds the servers' files.");
    policy.data_dir = read_folder(*data_dir);
    if (const auto mount = config.find("mount_point")) policy.mount_point = read_folder(*mount);
    const auto uid = config.find("uid"), gid = config.find("gid");
    if (!uid || !gid)
        refuse(uid ? "gid" : "uid", "is missing. Servers run as this user and group, and never as root.");
    policy.uid = static_cast<std::uint32_t>(uid->whole(1, 0xfffffffe));
    policy.gid = static_cast<std::uint32_t>(gid->whole(1, 0xfffffffe));
    read_lists(config, policy);
    read_size(config, "max_memory", policy.max_memory);
    read_size(config, "default_memory", policy.default_memory);
    read_cpu(config, "max_cpu", policy.max_nano_cpus);
    policy.default_nano_cpus = policy.max_nano_cpus;
    read_cpu(config, "default_cpu", policy.default_nano_cpus);
    read_size(config, "max_disk", policy.max_disk);
    policy.default_disk = policy.max_disk;
    read_size(config, "default_disk", policy.default_disk);
    read_size(config, "total_memory", policy.total_memory);
    read_size(config, "total_disk", policy.total_disk);
    read_count(config, "max_servers", policy.max_servers, 1, 1000);
    read_count(config, "max_processes", policy.max_processes, 1, 1'000'000);
    policy.default_processes = std::min(policy.default_processes, policy.max_processes);
    read_count(config, "default_processes", policy.default_processes, 1, policy.max_processes);
    read_count(config, "memory_headroom", policy.memory_headroom, 0, 90);
    if (const auto network = config.find("network")) policy.network = read_network(*network);
    policy.installer_network = policy.network;
    if (const auto network = config.find("installer_network"))
        policy.installer_network = read_network(*network);
    if (const auto interface = config.find("interface")) policy.interface = interface->line(64);
    read_size(config, "tmp_size", policy.tmp_size);
    read_flag(config, "tmp_exec", policy.tmp_exec);
    read_flag(config, "selinux", policy.selinux);
    read_flag(config, "init", policy.init);
    if (const auto runtime = config.find("runtime")) policy.runtime = read_name(*runtime);
    if (const auto files = config.find("max_open_files"))
        policy.max_open_files = static_cast<std::uint32_t>(files->whole(64, 1'048'576));
    if (policy.max_memory != 0) policy.default_memory = std::min(policy.default_memory, policy.max_memory);
    return policy;
}

} // namespace agenthost::docker
