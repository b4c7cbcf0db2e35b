// Owns the listeners of the configuration: opened when the daemon starts, compared with the new configuration
// on reload. Main I/O thread.
#pragma once

#include "control.hpp"

#include "host/config/config.hpp"
#include "host/listener/listener.hpp"

#include <boost/asio/io_context.hpp>

#include <map>
#include <string>
#include <vector>

namespace agenthost::host {

// By the listener's name.
using Certificates = std::map<std::string, ListenerTls>;

class ListenerSet {
public:
    explicit ListenerSet(const std::vector<boost::asio::io_context*>&);

    // Reads files; call it off the I/O thread.
    static Certificates read_certificates(const Config&);

    // Binds all addresses. Returns a problem, or an empty string.
    std::string bind(const Config&);
    // Accepts connections from now on.
    void open();
    // Compares the configuration with the open listeners, not with the previous configuration, so a listener
    // that failed to open is tried again.
    void reload(const Config& wanted, Certificates, Reloaded& answer);

    [[nodiscard]] Listeners& listeners() { return listeners_; }

private:
    Listeners listeners_;
    // The configuration that is in effect, even if a reload could not apply a newer one.
    std::map<std::string, ListenerConfig> bound_;
};

} // namespace agenthost::host
