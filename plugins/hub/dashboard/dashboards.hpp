// Connected dashboards: access, visible agents, requests and their limits. Frames are read and written by
// wire/dashboard/desk.hpp; runs.hpp has the commands; outlet.hpp bounds the queue of a slow dashboard.
//
// A session ends when its token expires or is revoked. Bounds: the number of dashboards, and each one's rates of frames and commands.
// dashboard/groups.hpp decides who receives the updates of which agent. Under the hub's lock.
#pragma once

#include "groups.hpp"
#include "outlet.hpp"
#include "output.hpp"
#include "plugins/hub/agents/fanout.hpp"
#include "plugins/hub/core/access.hpp"
#include "plugins/hub/core/allowance.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/core/shares.hpp"
#include "plugins/hub/credentials/credentials.hpp"
#include "plugins/hub/http/exchanges.hpp"
#include "plugins/hub/runs/runs.hpp"

#include "wire/dashboard/desk.hpp"

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::hub {

class Dashboards {
public:
    static constexpr std::size_t max_dashboards = 1000;
    static constexpr std::size_t max_message = 1U << 20;
    static constexpr double messages_per_second = 100;
    static constexpr std::size_t commands_per_minute = 10;
    static constexpr auto heartbeat_spacing = std::chrono::seconds{25}; // every 30 s, with tolerance
    static constexpr std::size_t max_runs_told = 1000;                  // sent to a new dashboard

    Dashboards(Core& core, Exchanges& exchanges, const Credentials& credentials, Fanout& fanout, Runs& runs);

    void request(Conn, const Head&) UNDER_LOCK; // an upgrade of /ws/dashboard
    [[nodiscard]] bool has(Conn conn) const UNDER_LOCK { return sessions_.contains(conn); }
    void frame(Conn, int opcode, std::string_view) UNDER_LOCK;
    void writable(Conn) UNDER_LOCK;
    void closed(Conn) UNDER_LOCK;
    void close_all() UNDER_LOCK;         // the hub shuts down
    void check_credentials() UNDER_LOCK; // they changed
    void agent_changed(const AgentRecord& agent, bool online) UNDER_LOCK
    {
        groups_.agent_changed(agent, online);
    }

    [[nodiscard]] std::size_t size() const UNDER_LOCK { return sessions_.size(); }

private:
    struct Session {
        Caller caller;
        std::string token, id, peer; // token: checked again when credentials change; never logged
        std::shared_ptr<Outlet> outlet;
        Timers::Id expiry{};
        Allowance messages{messages_per_second};
        Timers::Time complained{}, beat{};
        std::deque<Timers::Time> asked; // commands of the last minute
        bool closing = false;
    };
    struct Asked {
        Conn conn;
        std::string request_id;
    };

    bool allow(Session&) UNDER_LOCK;
    void read(Conn, Session&, std::string_view) UNDER_LOCK;
    void on(Conn, Session&, const wire::desk::Connect&) UNDER_LOCK;
    void on(Conn, Session&, const wire::desk::Refresh&) UNDER_LOCK;
    void on(Conn, Session&, const wire::desk::Beat&) UNDER_LOCK;
    void on(Conn, Session&, const wire::desk::Ask&) UNDER_LOCK;
    void on(Conn, Session&, const wire::desk::Interrupt&) UNDER_LOCK;
    void on(Conn, Session&, const wire::desk::Input&) UNDER_LOCK;
    void on(Conn, Session&, const wire::desk::Resize&) UNDER_LOCK;
    void on(Conn, Session&, const wire::desk::Bad&) UNDER_LOCK;
    void on(Conn, Session&, const wire::Nothing&) UNDER_LOCK {}
    bool reaches(Conn, Session&, std::string_view command, std::string_view request) UNDER_LOCK;
    Requests::Then answer(Conn, std::string_view command, std::string_view request);

    void run_status(const Run&) UNDER_LOCK;
    void run_output(const Run&, const RunChunk&) UNDER_LOCK;
    void say(Session&, std::string frame) UNDER_LOCK;
    void fault(Session&, const wire::desk::Fault&) UNDER_LOCK;
    void tell(const Run&, const Outlet::OfRun&, Conn except = {}) UNDER_LOCK;
    void join(Conn, Session&) UNDER_LOCK;
    void watch_expiry(Conn, Session&) UNDER_LOCK;
    void end(Conn, Session&, int code, std::string_view code_word, std::string_view why) UNDER_LOCK;
    void drop(Conn, Session&, int code, std::string reason) UNDER_LOCK;

    Core& core_;
    Exchanges& exchanges_;
    const Credentials& credentials_;
    Fanout& fanout_;
    Runs& runs_;
    DashboardGroups groups_ GUARDED;
    DashboardOutput output_ GUARDED;
    wire::desk::Reader reader_ GUARDED;
    std::unordered_map<Conn, std::unique_ptr<Session>> sessions_ GUARDED;
    Shares places_ GUARDED{max_dashboards};                // of sessions_, by the token's subject
    std::unordered_map<std::string, Asked> asked_ GUARDED; // by run, until it is over
};

} // namespace agenthost::hub
