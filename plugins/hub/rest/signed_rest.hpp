// The signed protocol's REST routes: who is connected, and one command by its own name. Under the hub's lock.
#pragma once

#include "plugins/hub/core/access.hpp"
#include "plugins/hub/tasks/calls.hpp"

#include <string>

namespace agenthost::hub {

class SignedRest {
public:
    SignedRest(Core& core, Calls& calls, Fanout& fanout) : core_{core}, calls_{calls}, fanout_{fanout} {}

    void agents(Conn, const Caller&);
    void agent(Conn, const std::string& id);
    void command(Conn, const Head&, const std::string& id);

private:
    void run(Conn, const std::string& id, const std::string& body);
    [[nodiscard]] std::string write(const std::string& id) const;

    Core& core_;
    Calls& calls_;
    Fanout& fanout_;
};

} // namespace agenthost::hub
