// The signed protocol's REST routes: the connected agents, and sending a command by its protocol name. Under
// the hub's lock.
#pragma once

#include "plugins/hub/http/router.hpp"
#include "plugins/hub/tasks/calls.hpp"

#include <string>
#include <vector>

namespace agenthost::hub {

class SignedRest {
public:
    SignedRest(Calls& calls, Fanout& fanout) : calls_{calls}, fanout_{fanout} {}

    [[nodiscard]] std::vector<Route> routes();

private:
    void agents(const HttpRequest&) UNDER_LOCK;
    void agent(const HttpRequest&) UNDER_LOCK;
    void command(const HttpRequest&) UNDER_LOCK;
    void run(const Exchange&, const std::string& id, const std::string& body) UNDER_LOCK;
    [[nodiscard]] std::string write(const std::string& id) const UNDER_LOCK;

    Calls& calls_;
    Fanout& fanout_;
};

} // namespace agenthost::hub
