// Keeps each server's network settings, for plugins that transfer files on its behalf (agenthost.network/1).
// Thread-safe.
#pragma once

#include "host/config/config.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host {

class NetworkTable {
public:
    // Reads NO_PROXY (or no_proxy) from the daemon's environment.
    NetworkTable();

    // Sets the servers of a configuration, at start-up and after a reload.
    void set(const std::vector<ServerConfig>&);
    // Sets the origin that the server's session connects to, "https://host:port/", once its URL is known (it
    // may come from a registration).
    void set_origin(const std::string& server, std::string origin);

    // The JSON of ext/network.h, which contains a secret; "{}" for a caller that is not a server (the control
    // socket, a plugin). nullopt: a server that the configuration no longer has.
    [[nodiscard]] std::optional<std::string> json_of(std::string_view caller) const;

private:
    struct Entry {
        std::string proxy;
        TlsClientConfig tls;
        std::string origin;
    };
    std::vector<std::string> no_proxy_;
    mutable std::mutex mutex_; // guards entries_
    std::map<std::string, Entry, std::less<>> entries_;
};

} // namespace agenthost::host
