// REST routes for the state of agents: the list, one agent, its health, metrics, events and logs. Under the
// hub's lock.
//
// More than 25 members: one function for each route, and the parts that the routes use.
#pragma once

#include "plugins/hub/agents/attempts.hpp"
#include "plugins/hub/agents/reports.hpp"
#include "plugins/hub/http/router.hpp"
#include "plugins/hub/tasks/calls.hpp"

#include <string>
#include <vector>

namespace agenthost::hub {

class ReportsRest {
public:
    ReportsRest(Core& core, Calls& calls, const AgentCredentials& credentials, Commands& commands,
                Fanout& fanout, Registry& registry, ReportTable& table, Reports& reports,
                const Attempts& attempts)
        : core_{core}, calls_{calls}, credentials_{credentials}, commands_{commands}, fanout_{fanout},
          registry_{registry}, table_{table}, reports_{reports}, attempts_{attempts}
    {}

    [[nodiscard]] std::vector<Route> routes();

private:
    void agents(const HttpRequest&) UNDER_LOCK;
    void agent(const HttpRequest&) UNDER_LOCK;
    void health(const HttpRequest&) UNDER_LOCK;
    void metrics(const HttpRequest&) UNDER_LOCK;
    void history(const HttpRequest&, Reports::Kind, std::string_view name) UNDER_LOCK;
    // Calls `then` with the agent's record; else answers 404.
    void with_record(const Exchange&, const std::string& id, std::function<void(const AgentRecord&)> then)
        UNDER_LOCK;
    // `machine`: what it offers, a JSON object (store/machine_report.hpp); empty: left out.
    [[nodiscard]] std::string agent_json(const AgentRecord&, const std::string& machine = {}) const
        UNDER_LOCK;
    // Agents whose connection attempts fail, limited to those the caller may see.
    [[nodiscard]] std::string failing_json(const Caller&, std::string_view protocol) const UNDER_LOCK;
    [[nodiscard]] std::string health_json(const AgentRecord&, std::int64_t at, const std::string& facts) const
        UNDER_LOCK;

    Core& core_;
    Calls& calls_;
    const AgentCredentials& credentials_;
    Commands& commands_;
    Fanout& fanout_;
    Registry& registry_;
    ReportTable& table_;
    Reports& reports_;
    const Attempts& attempts_;
};

} // namespace agenthost::hub
