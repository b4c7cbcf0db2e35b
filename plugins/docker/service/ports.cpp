#include "ports.hpp"

#include "plugins/docker/ledger/proc_net.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>

namespace agenthost::docker::service {

namespace {

struct Table {
    const char* file;
    Transport transport;
};
constexpr std::array<Table, 4> tables{
    {{"tcp", Transport::tcp}, {"tcp6", Transport::tcp}, {"udp", Transport::udp}, {"udp6", Transport::udp}}};

// The inode of the socket that listens on this port. The address is not compared: a holder is looked for only
// when the engine has said that the port is taken.
std::optional<std::uint64_t> inode_on(const std::string& file, const PortMapping& port)
{
    std::ifstream in{file};
    for (std::string line; std::getline(in, line);)
        for (const ledger::Listener& listener : ledger::read_listeners(line, port.transport))
            if (listener.port.port == port.host) return listener.inode;
    return std::nullopt;
}

bool holds(const std::filesystem::path& process, const std::string& socket)
{
    std::error_code ignored;
    for (std::filesystem::directory_iterator at{process / "fd", ignored}, end; at != end && !ignored;
         at.increment(ignored)) {
        std::error_code failed;
        if (std::filesystem::read_symlink(at->path(), failed) == socket && !failed) return true;
    }
    return false;
}

std::string owner_of(std::uint64_t inode, const std::string& proc)
{
    const std::string socket = "socket:[" + std::to_string(inode) + "]";
    std::error_code ignored;
    for (std::filesystem::directory_iterator at{proc, ignored}, end; at != end && !ignored;
         at.increment(ignored)) {
        const std::string pid = at->path().filename();
        if (pid.find_first_not_of("0123456789") != std::string::npos || !holds(at->path(), socket)) continue;
        std::string name;
        std::ifstream{at->path() / "comm"} >> name;
        return "process " + name + " (pid " + pid + ")";
    }
    return "another program";
}

} // namespace

std::string port_text(const PortMapping& port)
{
    return std::to_string(port.host) + (port.transport == Transport::udp ? "/udp" : "/tcp");
}

std::string port_text(const ledger::HostPort& port)
{
    return std::to_string(port.port) + (port.transport == Transport::udp ? "/udp" : "/tcp");
}

std::optional<std::string> holder_among(const std::vector<engine::ContainerRow>& rows,
                                        const std::vector<PortMapping>& ports, const std::string& own_name,
                                        PortMapping* which)
{
    for (const engine::ContainerRow& row : rows) {
        if (row.name == own_name) continue;
        for (const engine::Port& held : row.ports)
            for (const PortMapping& port : ports) {
                const bool udp = held.protocol == "udp";
                if (held.host == 0 || held.host != port.host || udp != (port.transport == Transport::udp))
                    continue;
                *which = port;
                return "container " + row.name + " (" + row.image + ")";
            }
    }
    return std::nullopt;
}

std::optional<std::string> holder_in_proc(const std::vector<PortMapping>& ports, PortMapping* which,
                                          const std::string& proc)
{
    for (const PortMapping& port : ports)
        for (const Table& table : tables) {
            if (table.transport != port.transport) continue;
            const auto inode = inode_on(proc + "/net/" + table.file, port);
            if (!inode) continue;
            *which = port;
            return owner_of(*inode, proc);
        }
    return std::nullopt;
}

} // namespace agenthost::docker::service
