// What a server needs of an agent, read from the parameters of create_server: name, image, limits and ports.
// The agent judges the rest of the configuration. Pure.
//
//     {"serverId": "mc1", "eggConfig": {"image": "ghcr.io/pelican-eggs/yolks:java_21", "ports": {"25565": 25565},
//      "limits": {"memory": "2048m", "cpu": "2", "disk": "5g"}}}
//
// Egg files of Pterodactyl and Pelican are read as well, as eggConfig itself or as its member "egg".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

// A port of the agent's machine.
struct HostPort {
    std::uint16_t port = 0;
    bool udp = false;
    // An IP address; empty: every address.
    std::string bind = {};
    friend bool operator==(const HostPort&, const HostPort&) = default;
};
// They cannot be in use at the same time.
bool overlap(const HostPort&, const HostPort&);
// "25565/udp", "192.0.2.1:25565/tcp"
std::string to_string(const HostPort&);

// Bytes; thousandths of a core. Absent: the agent's default.
struct Limits {
    std::optional<std::uint64_t> memory = {}, disk = {};
    std::optional<std::uint32_t> milli_cpus = {};
};

struct ServerNeeds {
    std::string id, name, image;
    Limits limits;
    std::vector<HostPort> ports;
};

constexpr std::size_t max_host_ports = 512; // of one server
constexpr std::size_t max_image = 512, max_server_name = 255;

// 1 to 64 letters, digits, "_", "." and "-", the first a letter or a digit: ids become names of containers.
bool valid_server_id(std::string_view);

// The needs; nullopt: `why` has the member and what is wrong with it, for people.
std::optional<ServerNeeds> read_needs(std::string_view params, std::string& why);

// "2048m", "2 GiB"; "2", "0.5". nullopt: something else.
std::optional<std::uint64_t> parse_bytes(std::string_view);
std::optional<std::uint32_t> parse_milli_cpus(std::string_view);
// "1.5": the number of cores.
std::string format_cpus(std::uint32_t milli);
// "25565", "25565/udp", "192.0.2.1:25565-25570"; appends to `to`. false: none of these, or too many.
bool parse_host_ports(std::string_view text, bool udp, std::vector<HostPort>& to);

// A JSON list of at most 1,000 agents' ids; nullopt: something else.
std::optional<std::vector<std::string>> parse_ids(std::string_view json);

} // namespace agenthost::hub
