// REST for the servers of all agents: their list with filters, the placement of new ones, and their metrics.
// Under the hub's lock.
#pragma once

#include "calls.hpp"
#include "placer.hpp"
#include "plugins/hub/http/router.hpp"
#include "watch.hpp"

#include <string>
#include <vector>

namespace agenthost::hub {

class FleetRest {
public:
    static constexpr std::size_t page = 100, max_page = 500;

    FleetRest(ServerCalls& calls, ServerWatch& watch, Placer& placer)
        : calls_{calls}, watch_{watch}, placer_{placer}
    {}
    [[nodiscard]] std::vector<Route> routes();

private:
    void list(const HttpRequest&) UNDER_LOCK;
    void metrics(const HttpRequest&) UNDER_LOCK;
    void create(const HttpRequest&) UNDER_LOCK;
    void place(const Exchange&, const Caller&, const ServerCalls::Waits&, bool dry_run,
               const std::string& body) UNDER_LOCK;

    ServerCalls& calls_;
    ServerWatch& watch_;
    Placer& placer_;
};

// The servers of a page as an answer: {"servers":[...],"total":N,"next":CURSOR or null}.
std::string servers_json(const ServerBook::Page&, const ServerBook::View&);

} // namespace agenthost::hub
