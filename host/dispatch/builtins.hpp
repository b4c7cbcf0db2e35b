// Answers the host's own actions: host.ping, host.status and host.actions.
//
// Main thread. Owned by Dispatcher::Impl.
#pragma once

#include "core.hpp"
#include "responder.hpp"

namespace agenthost::host {

class Builtins {
public:
    // Adds the actions, and each protocol's name for host.ping, to the registry.
    Builtins(Core&, Responder&);

    // `in.action` is one of the three.
    void run(const Incoming& in);

private:
    [[nodiscard]] std::string actions_json(const Policy&) const;

    Core& core_;
    Responder& responder_;
};

} // namespace agenthost::host
