// The dashboards that are connected: who may, what they see, what they ask for, how much of it. Frames are read and written by
// wire/dashboard/desk.hpp; runs.hpp has the commands; outlet.hpp bounds what a slow one holds.
//
// A session ends when its token would no longer be let in: expired, revoked. Bounds: dashboards in all, frames and commands of each per
// time. Who hears of which agent: dashboard_groups.hpp. Under the hub's lock.
#pragma once

#include "dashboard_groups.hpp"
#include "dashboard_output.hpp"
#include "outlet.hpp"
#include "plugins/hub/core/access.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/core/shares.hpp"
#include "plugins/hub/credentials/credentials.hpp"
#include "plugins/hub/runs/runs.hpp"
#include "plugins/hub/store/tables.hpp"

#include "wire/dashboard/desk.hpp"

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::hub {

class Dashboards {
public:
    static constexpr std::size_t most = 1000;
    static constexpr std::size_t most_message = 1U << 20;
    static constexpr double messages_per_second = 100;
    static constexpr std::size_t commands_per_minute = 10;
    static constexpr auto heartbeat_spacing = std::chrono::seconds{25}; // every 30 s, with tolerance
    static constexpr std::size_t most_runs_told = 1000;                 // to a dashboard that comes

    Dashboards(Core& core, const Credentials& credentials, Fanout& fanout, Runs& runs);

    void request(Conn, const Head&); // an upgrade of /ws/dashboard
    [[nodiscard]] bool has(Conn conn) const { return sessions_.contains(conn); }
    void frame(Conn, int opcode, std::string_view);
    void writable(Conn);
    void closed(Conn);
    void close_all();         // the hub goes down
    void check_credentials(); // they changed
    void agent_changed(const AgentRecord& agent, bool online) { groups_.agent_changed(agent, online); }

    [[nodiscard]] std::size_t size() const { return sessions_.size(); }

private:
    struct Session {
        Caller caller;
        std::string token, id, peer; // token: to ask again when credentials change; never logged
        std::shared_ptr<Outlet> outlet;
        Timers::Id expiry{};
        double allowance = messages_per_second;
        Timers::Time counted{}, complained{}, beat{};
        std::deque<Timers::Time> asked; // commands of the last minute
        bool closing = false;
    };
    struct Asked {
        Conn conn;
        std::string request_id;
    };

    bool allow(Session&);
    void read(Conn, Session&, std::string_view);
    void on(Conn, Session&, const wire::desk::Connect&);
    void on(Conn, Session&, const wire::desk::Refresh&);
    void on(Conn, Session&, const wire::desk::Beat&);
    void on(Conn, Session&, const wire::desk::Ask&);
    void on(Conn, Session&, const wire::desk::Interrupt&);
    void on(Conn, Session&, const wire::desk::Input&);
    void on(Conn, Session&, const wire::desk::Resize&);
    void on(Conn, Session&, const wire::desk::Bad&);
    void on(Conn, Session&, const wire::Nothing&) {}
    bool reaches(Conn, Session&, std::string_view command, std::string_view request);
    Runs::Then answer(Conn, std::string_view command, std::string_view request);

    void run_status(const Run&);
    void run_output(const Run&, const RunChunk&);
    void say(Session&, std::string frame);
    void fault(Session&, const wire::desk::Fault&);
    void tell(const Run&, const Outlet::OfRun&, Conn except = {});
    void join(Conn, Session&);
    void watch_expiry(Conn, Session&);
    void end(Conn, Session&, int code, std::string_view code_word, std::string_view why);
    void drop(Conn, Session&, int code, std::string reason);

    Core& core_;
    const Credentials& credentials_;
    Fanout& fanout_;
    Runs& runs_;
    DashboardGroups groups_;
    DashboardOutput output_;
    wire::desk::Reader reader_;
    std::unordered_map<Conn, std::unique_ptr<Session>> sessions_;
    Shares places_{most};                          // of sessions_, by the token's subject
    std::unordered_map<std::string, Asked> asked_; // by run, until it is over
};

} // namespace agenthost::hub
