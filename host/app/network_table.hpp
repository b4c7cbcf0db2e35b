// Keeps how each server is reached, for plugins that transfer files on its behalf (agenthost.network/1). Thread-safe.
#pragma once

#include "host/config/config.hpp"

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host {

class NetworkTable {
public:
    // Reads NO_PROXY (or no_proxy) of the daemon's environment.
    NetworkTable();

    // The servers of a configuration, at the start and after a reload.
    void set(const std::vector<ServerConfig>&);
    // The origin that the server's session connects to, "https://host:port/": known once its URL is (a registration may name it).
    void set_origin(const std::string& server, std::string origin);

    // The JSON of ext/network.h, with a secret in it; "{}" if no server has this name.
    [[nodiscard]] std::string json_of(std::string_view server) const;

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
