#include "network_table.hpp"

#include "host/observe/log.hpp"
#include "netclient/network.hpp"

namespace agenthost::host {

NetworkTable::NetworkTable()
{
    std::string why;
    no_proxy_ = netclient::environment_no_proxy(why);
    if (!why.empty()) log::warn("agenthost", why);
}

void NetworkTable::set(const std::vector<ServerConfig>& servers)
{
    std::map<std::string, Entry, std::less<>> now;
    const std::lock_guard lock{mutex_};
    for (const auto& server : servers) {
        Entry& entry = now[server.name];
        entry = {server.proxy, server.tls, {}};
        if (const auto old = entries_.find(server.name); old != entries_.end())
            entry.origin = old->second.origin;
    }
    entries_ = std::move(now);
}

void NetworkTable::set_origin(const std::string& server, std::string origin)
{
    const std::lock_guard lock{mutex_};
    if (const auto entry = entries_.find(server); entry != entries_.end())
        entry->second.origin = std::move(origin);
}

std::optional<std::string> NetworkTable::json_of(std::string_view caller) const
{
    // No server may have such a name.
    if (caller == "control" || caller.find(':') != caller.npos) return "{}";
    netclient::NetworkSettings settings;
    {
        const std::lock_guard lock{mutex_};
        const auto entry = entries_.find(caller);
        if (entry == entries_.end()) return std::nullopt;
        settings = {std::string{caller}, entry->second.origin, entry->second.proxy, no_proxy_,
                    entry->second.tls};
    }
    return netclient::network_json(settings);
}

} // namespace agenthost::host
