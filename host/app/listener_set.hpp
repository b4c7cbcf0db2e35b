// Owns the listeners of the configuration: opened when the daemon starts, compared with the new configuration on reload. Main I/O thread.
#pragma once

#include "control.hpp"

#include "host/config/config.hpp"
#include "host/listener/listener.hpp"

#include <boost/asio/io_context.hpp>

#include <map>
#include <string>
#include <vector>

namespace agenthost::host {

// By listener.
using Certificates = std::map<std::string, ListenerTls>;

class ListenerSet {
public:
    explicit ListenerSet(const std::vector<boost::asio::io_context*>&);

    // Reads files: off the I/O thread.
    static Certificates read_certificates(const Config&);

    // Binds the addresses of all of them. The problem, or empty.
    std::string bind(const Config&);
    // Accepts connections from now on.
    void open();
    // Compared with what is open, not with the configuration before: one that could not be opened is tried again.
    void reload(const Config& wanted, Certificates, Reloaded& answer);

    [[nodiscard]] Listeners& listeners() { return listeners_; }

private:
    Listeners listeners_;
    // What they really have, whatever a reload wished.
    std::map<std::string, ListenerConfig> bound_;
};

} // namespace agenthost::host
