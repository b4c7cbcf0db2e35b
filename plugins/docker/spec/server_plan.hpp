// Admits a server to this node: compares what was asked with the policy, fills in defaults, and replaces all
// placeholders.
//
// The result decides everything; create_body.hpp only writes it down. From the payload come the image (on the
// allow list), the arguments and environment of the program, ports (within the node's ranges), limits (within
// its bounds) and the stop signal (from a fixed list). Paths, mounts, networks, users and names come from the
// policy and the checked id.
#pragma once

#include "node_policy.hpp"
#include "server_spec.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker {

// A folder of the host in the container.
struct Bind {
    std::string source, target;
    bool read_only = false;
};

struct ContainerPlan {
    std::string name, server_id;
    bool installer = false;
    std::string image;                            // canonical
    std::vector<std::string> entrypoint, command; // both empty: the image's own
    std::vector<std::string> environment;         // NAME=value, in order of the names
    std::vector<PortMapping> ports;               // with an address each
    std::uint64_t memory = 0, nano_cpus = 0;      // bytes; 0 CPUs: no limit
    std::uint32_t processes = 0;
    std::optional<std::uint16_t> io_weight;
    std::vector<Bind> binds;
    bool tmpfs = true; // on /tmp; else one of the binds is there
    std::string working_dir, stop_signal, network;
};

struct ServerPlan {
    ContainerPlan server;
    std::optional<ContainerPlan> installer;
    std::string install_script; // to be written to install_folder/script/install.sh
    std::string data_folder, install_folder;
    std::uint64_t disk = 0;        // bytes; 0: no limit
    std::vector<ConfigFile> files; // values filled in
};

// Throws CONFIG_INVALID.
ServerPlan plan_server(const ServerSpec&, const NodePolicy&);

// "agenthost-ID", "agenthost-ID_installer".
std::string container_name(std::string_view id);
std::string installer_name(std::string_view id);

} // namespace agenthost::docker
