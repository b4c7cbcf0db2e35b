// What this node allows and how it isolates servers: from the plugin's configuration, never from a server's
// payload.
//
//     {"data_dir": "/var/lib/agenthost/servers", "uid": 988, "gid": 988,
//      "allow_images": ["ghcr.io/pelican-eggs/*"], "bind_addresses": ["0.0.0.0"], "ports": ["25565-25600"],
//      "max_memory": "16GiB", "max_cpu": "4", "network": "agenthost"}
#pragma once

#include "image_allow.hpp"

#include "netclient/ip_address.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker {

struct PortRange {
    std::uint16_t first = 1024, last = 65535;
};

// What the engine answered when it was asked (GET /version, /info); decides which fields of a body it
// understands.
struct EngineTraits {
    bool podman = false;
    unsigned api_minor = 41; // of 1.N, as negotiated
};

struct NodePolicy {
    std::string data_dir; // one folder for each server below it
    std::string mount_point =
        "/home/container";          // of that folder, in the container; also HOME and the working directory
    std::uint32_t uid = 0, gid = 0; // of every server; never 0 after read_policy
    ImageAllowList images;          // empty: nothing runs
    std::vector<netclient::IpAddress> addresses; // a server may bind to these; the first is the default
    std::vector<PortRange> ports;                // of the host
    std::uint64_t max_memory = 0, default_memory = std::uint64_t{1} << 30; // bytes; max 0: no bound
    std::uint64_t max_nano_cpus = 0, default_nano_cpus = 0;                // 0: no bound, no limit
    std::uint64_t max_disk = 0, default_disk = 0;                          // bytes; 0: no bound, no limit
    // For all servers together; bytes, 0: no limit.
    std::uint64_t total_memory = 0, total_disk = 0;
    std::uint32_t max_servers = 500;
    std::uint32_t max_processes = 4096, default_processes = 512;
    unsigned memory_headroom = 10; // percent of the limit that SERVER_MEMORY leaves to what is not heap
    std::vector<std::string> capabilities; // what servers keep; without it none
    std::string network = "bridge", installer_network = "bridge";
    std::string interface = "172.17.0.1"; // of the network's gateway: {{config.docker.interface}}
    std::uint64_t tmp_size = 128 << 20;
    bool tmp_exec = false, selinux = false, init = true;
    std::string runtime; // empty: the engine's default
    std::optional<std::uint32_t> max_open_files;
    EngineTraits engine;
};

// Reads its own keys and ignores others of the plugin's configuration. Throws CONFIG_INVALID with the key's
// path.
NodePolicy read_policy(std::string_view config);

} // namespace agenthost::docker
