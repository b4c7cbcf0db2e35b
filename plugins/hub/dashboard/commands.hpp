// The terminal commands of dashboards: their requests, and the states and output of runs that they receive.
// dashboard/groups.hpp distributes these; output.hpp batches output. Under the hub's lock.
#pragma once

#include "groups.hpp"
#include "output.hpp"
#include "plugins/hub/agents/fanout.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/runs/runs.hpp"
#include "send_queue.hpp"
#include "session.hpp"

#include "wire/dashboard/client.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::hub {

class DashboardCommands {
public:
    static constexpr std::size_t max_runs_told = 1000; // sent to a new dashboard
    // nullptr: the dashboard is gone, or being closed.
    using Find = std::function<DashboardSession*(Conn)>;

    DashboardCommands(Core& core, Fanout& fanout, Runs& runs, DashboardGroups& groups, Find find);

    // The states of the open commands, for a new dashboard.
    void send_open(DashboardSession&) UNDER_LOCK;
    void ask(DashboardSession&, const wire::dashboard_client::Ask&) UNDER_LOCK;
    void interrupt(DashboardSession&, const wire::dashboard_client::Interrupt&) UNDER_LOCK;
    void input(DashboardSession&, const wire::dashboard_client::Input&) UNDER_LOCK;
    void resize(DashboardSession&, const wire::dashboard_client::Resize&) UNDER_LOCK;

private:
    struct Asked {
        Conn conn;
        std::string request_id;
    };
    bool reaches(DashboardSession&, std::string_view command, std::string_view request) UNDER_LOCK;
    Requests::Then answer(Conn, std::string_view command, std::string_view request);
    void run_status(const Run&) UNDER_LOCK;
    void run_output(const Run&, const RunChunk&) UNDER_LOCK;
    void send_status(const Run&, DashboardSession* requester, const Asked*) UNDER_LOCK;
    void tell(const Run&, const ClientSendQueue::OfRun&, Conn except = {}) UNDER_LOCK;

    Core& core_;
    Fanout& fanout_;
    Runs& runs_;
    DashboardGroups& groups_;
    const Find find_;
    DashboardOutput output_ GUARDED;
    std::unordered_map<std::string, Asked> asked_ GUARDED; // by run, until it is over
};

} // namespace agenthost::hub
