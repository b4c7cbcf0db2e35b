// Reads /proc/net/{tcp,tcp6,udp,udp6}: on which ports of the host programs listen, so that PORT_CONFLICT can
// name a holder that is not a container. Pure; the caller reads the files and looks the inode up in
// /proc/PID/fd.
#pragma once

#include "claim.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace agenthost::docker::ledger {

struct Listener {
    HostPort port;
    std::uint32_t uid = 0;
    std::uint64_t inode = 0; // /proc/PID/fd/N points to "socket:[INODE]"
    bool operator==(const Listener&) const = default;
};

constexpr std::size_t max_listeners = 65536;

// TCP sockets that listen, UDP sockets that are bound and not connected. The length of the address gives the
// family. Lines that cannot be parsed are skipped.
std::vector<Listener> read_listeners(std::string_view file, Transport);

} // namespace agenthost::docker::ledger
