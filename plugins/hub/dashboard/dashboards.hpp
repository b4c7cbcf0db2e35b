// The sessions of connected dashboards: access, expiry of their tokens, and the way in for their frames.
// Frames are read and written by wire/dashboard/client.hpp; commands.hpp has the commands, groups.hpp decides
// who receives the updates of which agent, and send_queue.hpp bounds the queue of a slow dashboard.
//
// A session ends when its token expires or is revoked. Bounds: the number of dashboards, and each one's rates
// (limits.hpp). Under the hub's lock.
//
// More than 25 members: one function for each callback, and the parts that serve a session.
#pragma once

#include "commands.hpp"
#include "feed.hpp"
#include "groups.hpp"
#include "plugins/hub/agents/fanout.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/core/shares.hpp"
#include "plugins/hub/credentials/caller_credentials.hpp"
#include "plugins/hub/http/exchanges.hpp"
#include "plugins/hub/runs/runs.hpp"
#include "session.hpp"

#include "wire/dashboard/client.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::hub {

class Dashboards {
public:
    static constexpr std::size_t max_dashboards = 1000;
    static constexpr std::size_t max_message = 1U << 20;

    Dashboards(Core& core, Exchanges& exchanges, const CallerCredentials& credentials, Fanout& fanout,
               Runs& runs);

    void request(Conn, const Head&) UNDER_LOCK; // an upgrade of /ws/dashboard
    [[nodiscard]] bool has(Conn conn) const UNDER_LOCK { return sessions_.contains(conn); }
    void frame(Conn, int opcode, std::string_view) UNDER_LOCK;
    void writable(Conn) UNDER_LOCK;
    void closed(Conn) UNDER_LOCK;
    void close_all() UNDER_LOCK;         // the hub shuts down
    void check_credentials() UNDER_LOCK; // they changed
    void agent_changed(const AgentRecord& agent, bool online) UNDER_LOCK
    {
        if (!online) feed_.agent_lost(agent.id);
        groups_.agent_changed(agent, online);
    }

    // For dashboards that subscribed. `task`: whose progress it is; may be empty.
    void agent_event(std::string_view agent, const wire::Event& event, std::string_view task = {}) UNDER_LOCK
    {
        feed_.event(agent, event, task);
    }

    [[nodiscard]] std::size_t size() const UNDER_LOCK { return sessions_.size(); }

private:
    // nullptr: gone, or being closed.
    DashboardSession* find(Conn) UNDER_LOCK;
    void refuse(Conn, const Head&, const std::optional<Caller>&) UNDER_LOCK;
    void serve(DashboardSession&, const wire::dashboard_client::Message&) UNDER_LOCK;
    void connect(DashboardSession&, const wire::dashboard_client::Connect&) UNDER_LOCK;
    void refresh(DashboardSession&, const wire::dashboard_client::Refresh&) UNDER_LOCK;
    // Sends ack, the agents and the open commands; then the dashboard receives the same updates as the
    // others.
    void join(DashboardSession&) UNDER_LOCK;
    void watch_expiry(DashboardSession&) UNDER_LOCK;
    // Closes it; end() sends and logs the reason first.
    void end(DashboardSession&, std::string_view code, std::string_view why) UNDER_LOCK;
    void drop(DashboardSession&, int code, std::string reason) UNDER_LOCK;

    Core& core_;
    Exchanges& exchanges_;
    const CallerCredentials& credentials_;
    DashboardGroups groups_ GUARDED;
    DashboardFeed feed_ GUARDED;
    DashboardCommands commands_ GUARDED;
    wire::dashboard_client::Reader reader_ GUARDED;
    std::unordered_map<Conn, std::unique_ptr<DashboardSession>> sessions_ GUARDED;
    Shares shares_ GUARDED{max_dashboards}; // of sessions_, by the token's subject
};

} // namespace agenthost::hub
