// The hub's REST half with other tables than its own: everything in memory, one thread, a test clock. It
// proves that registry, tasks, reports and fan-out depend only on the interfaces in tables.hpp.
#pragma once

#include "plugins/hub/hub.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>
#include <set>
#include <tuple>

namespace agenthost::hub_test {

using namespace agenthost::hub;
using nlohmann::json;

// The daemon: records answers and frames.
class MemoryDaemon final : public Host, public HttpHost {
public:
    void answer(Conn conn, const Answer& a) override { answers.insert_or_assign(conn, a); }
    void receive(Conn conn, const SpoolFile*, std::uint64_t) override { receiving.push_back(conn); }
    void upgrade(Conn conn, std::string_view, std::string_view) override { upgraded.insert(conn); }
    agh_status send(Conn conn, std::string_view text) override
    {
        if (full.contains(conn)) return AGH_E_BUSY;
        if (closed.contains(conn)) return AGH_E_STALE;
        sent[conn].emplace_back(text);
        return AGH_OK;
    }
    void limits(Conn, std::string_view) override {}
    void close(Conn conn, int code, std::string_view) override { closed.emplace(conn, code); }
    std::string address() const override { return "http://127.0.0.1:3001"; }
    void log(int, std::string_view message, std::string_view) override { logged.emplace_back(message); }
    void record(Metric, double) override {}
    void publish(std::string_view, std::string_view) override {}

    std::map<Conn, Answer> answers;
    std::set<Conn> upgraded, full; // full: its send queue has no space
    std::map<Conn, std::vector<std::string>> sent;
    std::map<Conn, int> closed;
    std::vector<Conn> receiving;
    std::vector<std::string> logged;
};

// Callbacks wait until the test runs them: never from inside the call, as tables.hpp requires.
struct Later {
    std::deque<std::function<void()>> waiting;
    void run()
    {
        while (!waiting.empty()) {
            const auto next = std::move(waiting.front());
            waiting.pop_front();
            next();
        }
    }
};

class MemoryTables final : public Registry, public TaskTable, public ReportTable {
public:
    explicit MemoryTables(Later& l) : later{l} {}
    bool seen(const AgentRecord& a) override { return agents.insert_or_assign(a.id, a), true; }
    bool find(std::string id, Registry::Found then) override
    {
        const auto it = agents.find(id);
        const auto found = it == agents.end() ? std::nullopt : std::optional{it->second};
        return answer(then, found);
    }
    bool list(Registry::Page page, Registry::Listed then) override
    {
        std::vector<AgentRecord> rows;
        for (auto it = agents.upper_bound(page.after); it != agents.end() && rows.size() < page.max_rows;
             ++it) {
            if (page.among &&
                std::find(page.among->begin(), page.among->end(), it->first) == page.among->end())
                continue;
            if (page.protocol.empty() || it->second.protocol == page.protocol) rows.push_back(it->second);
        }
        return answer(then, rows);
    }
    bool forget(std::string id) override { return agents.erase(id), true; }

    bool save(const TaskRecord& t, std::function<void(bool)> done) override
    {
        if (full) return false;
        tasks.insert_or_assign(t.id, t);
        if (done) later.waiting.emplace_back([done] { done(true); });
        return true;
    }
    bool find(std::string id, TaskTable::Found then) override
    {
        const auto it = tasks.find(id);
        const auto found = it == tasks.end() ? std::nullopt : std::optional{it->second};
        return answer(then, found);
    }

    bool list(TaskTable::Page page, TaskTable::Listed then) override
    {
        if (full) return false;
        std::vector<TaskRecord> rows;
        for (const auto& [id, task] : tasks) {
            const bool before = std::tie(task.created, task.id) < std::tie(page.created, page.id);
            if (task.shop && task.agent == page.shop && before && (!page.wanted || page.wanted(task)))
                rows.push_back(task);
        }
        std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
            return std::tie(a.created, a.id) > std::tie(b.created, b.id);
        });
        const bool more = rows.size() > page.max_rows;
        if (more) rows.resize(page.max_rows);
        later.waiting.emplace_back(
            [then, rows, more, ok = !unreadable] { then(ok, ok ? rows : std::vector<TaskRecord>{}, more); });
        return true;
    }

    bool save(std::vector<Report> list) override
    {
        if (full) return false;
        for (Report& r : list) reports.insert_or_assign({r.agent, r.kind}, r);
        return true;
    }
    bool find(std::vector<std::string> names, ReportTable::Found then) override
    {
        std::vector<Report> rows;
        for (const auto& [key, report] : reports) {
            if (std::find(names.begin(), names.end(), key.first) != names.end()) rows.push_back(report);
        }
        return answer(then, rows);
    }

    Later& later;
    bool full = false, unreadable = false;
    std::map<std::string, AgentRecord> agents;
    std::map<std::string, TaskRecord> tasks;
    std::map<std::pair<std::string, std::string>, Report> reports;

private:
    template <class Then, class Found> bool answer(Then then, Found found)
    {
        if (full) return false;
        later.waiting.emplace_back([then, found, ok = !unreadable] { then(ok, ok ? found : Found{}); });
        return true;
    }
};

class MemoryServers final : public ServerTable {
public:
    bool save(const ServerRow& row) override
    {
        if (full) return false;
        rows.insert_or_assign({row.agent, row.id}, row);
        return true;
    }
    bool remove(std::string agent, std::string id) override { return rows.erase({agent, id}), !full; }

    bool full = false;
    std::map<std::pair<std::string, std::string>, ServerRow> rows;
};

class MemoryFanout final : public Fanout {
public:
    struct Command {
        std::string agent, id, action, params, target;
    };
    bool online(std::string_view agent) const override { return agents.contains(std::string{agent}); }
    const AgentRecord* find(std::string_view agent) const override
    {
        const auto it = agents.find(std::string{agent});
        return it == agents.end() ? nullptr : &it->second;
    }
    std::vector<std::string> connected(std::string_view protocol) const override
    {
        std::vector<std::string> ids;
        for (const auto& [id, agent] : agents) {
            if (agent.protocol == protocol) ids.push_back(id);
        }
        return ids;
    }
    Sent send(std::string_view agent, const wire::Command& c) override
    {
        if (!online(agent)) return Sent::gone;
        if (c.action == "unspeakable") return Sent::unspeakable;
        sent.push_back({std::string{agent}, std::string{c.id}, std::string{c.action}, std::string{c.params},
                        std::string{c.target}});
        return Sent::taken;
    }
    void pause(std::string_view agent, bool on) override
    {
        if (on)
            paused.emplace(agent);
        else
            paused.erase(std::string{agent});
    }

    const IdentityConflicts::Conflict* conflict(std::string_view) const override { return in_conflict; }

    const IdentityConflicts::Conflict* in_conflict = nullptr; // of every agent
    std::map<std::string, AgentRecord> agents;
    std::set<std::string> paused;
    std::vector<Command> sent;
};

// Calls a row's handler as rest.hpp does, for a caller of the test's choice.
inline void call(const std::vector<Route>& rows, std::string_view method, std::string_view pattern,
                 const Exchange& exchange, const Head& head, std::vector<std::string> arguments,
                 const Caller& caller = {})
{
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&](const Route& r) { return r.method == method && r.pattern == pattern; });
    ASSERT_NE(row, rows.end()) << method << " " << pattern;
    exchange.set_caller(caller.subject);
    row->handler({exchange, head, caller, std::move(arguments)});
}
inline constexpr std::string_view file_path = "/api/agents/:agent/files/:file";

class PartsTest : public ::testing::Test {
protected:
    static Config config()
    {
        Config c;
        // Nobody creates it. After a failure the hub looks whether its folder can be written to.
        c.database = (std::filesystem::temp_directory_path() / "hub.db").string();
        c.task_warning = milliseconds{30'000};
        c.reader_grace = milliseconds{2'000}; // not the default
        return c;
    }
    PartsTest()
    {
        core.utc = [this] { return utc; };
        core.now = [this] { return now; };
        commands.observe_begin([this](const TaskRecord& t) {
            server_watch.began(t);
            runs.events().began(t);
        });
        commands.observe([this](const TaskRecord& t) {
            server_watch.ended(t);
            print.ended(t);
            runs.events().ended(t);
            shop_control.ended(t);
        });
        credentials.callers.set_admin(base::sha256("admin"));
        for (auto& rows :
             {reports_rest.routes(), agent_commands.routes(), files.routes(), tasks_rest.routes(),
              runs_rest.routes(), print.routes(), shops_rest.routes(), signed_rest.routes(),
              servers_rest.routes(), server_files.routes(), fleet.routes()})
            rest.add(rows);
    }

    void enter(const std::function<void()>& work) { core.strand.run(work); }
    void pass(std::chrono::milliseconds time)
    {
        utc += time.count();
        now += time;
        enter([this] { core.timers.run(now); });
        later.run();
    }

    // --- agents ---
    void join(const std::string& id, const std::string& protocol, int redispatch = 3)
    {
        AgentRecord a;
        a.redispatch = redispatch;
        a.id = id;
        a.protocol = protocol;
        a.first_seen = a.last_seen = utc;
        enter([&] {
            fanout.agents.insert_or_assign(id, a);
            tables.seen(a);
            reports.ready(id);
            commands.events().agent_ready(a);
        });
        later.run();
    }
    void leave(const std::string& id)
    {
        enter([&] {
            fanout.agents.erase(id);
            reports.lost(id);
            commands.events().agent_lost(id);
        });
    }
    void result(const std::string& agent, const wire::Result& r)
    {
        enter([&] {
            if (!requests.result(agent, r)) commands.events().result(agent, r);
        });
        later.run();
    }
    void beat(const std::string& agent, const std::string& facts)
    {
        enter([&] {
            reports.heartbeat(agent, {.facts = facts});
            print.heartbeat(agent, facts);
        });
        later.run();
    }

    // --- callers ---
    Conn ask(const std::string& method, const std::string& path, const std::string& body = {},
             const std::string& query = {}, const std::string& token = "admin",
             const std::map<std::string, std::string>& headers = {})
    {
        const Conn conn = ++last_;
        Head head;
        head.method = method;
        head.path = path;
        head.query = query;
        head.headers.emplace("authorization", "Bearer " + token);
        for (const auto& [name, value] : headers) head.headers.emplace(name, value);
        if (!body.empty()) head.length = body.size();
        enter([&] { rest.request(exchanges.open(conn), head); });
        later.run();
        if (!daemon.receiving.empty() && daemon.receiving.back() == conn) {
            daemon.receiving.pop_back();
            enter([&] { exchanges.body(conn, {.length = body.size(), .data = body}); });
            later.run();
        }
        return conn;
    }
    bool answered(Conn conn) const { return daemon.answers.contains(conn); }
    int status(Conn conn) const { return answered(conn) ? daemon.answers.at(conn).status : 0; }
    json body(Conn conn) const
    {
        return answered(conn) ? json::parse(daemon.answers.at(conn).body, nullptr, false) : json{};
    }
    json get(const std::string& path, const std::string& query = {})
    {
        return body(ask("GET", path, {}, query));
    }

    std::int64_t utc = 1'000'000;
    Timers::Time now = Timers::Time{std::chrono::hours{1}};
    MemoryDaemon daemon;
    Core core{config(), daemon};
    Exchanges exchanges{core, daemon};
    Later later;
    MemoryTables tables{later};
    MemoryFanout fanout;
    Credentials credentials;
    Commands commands{core, tables, fanout};
    Requests requests{core, fanout};
    Runs runs{core, fanout, commands, requests};
    Reports reports{core, tables};
    Calls calls{core, credentials.agents, fanout, tables, tables, commands};
    Files files{core, calls, commands, nullptr};
    PrintTasks print{core, calls, commands, fanout, tables, tables, tables, reports};
    PrintOrders orders{core, calls, commands, tables, tables, reports};
    Receipts receipts{core, requests};
    ShopsRest shops_rest{core, calls, commands, fanout, tables, tables, reports, orders, receipts};
    ShopControl shop_control{core, calls, print, orders, shops_rest};
    SignedRest signed_rest{calls, fanout};
    Attempts attempts;
    ReportsRest reports_rest{core,    calls,   credentials.agents, commands, fanout, tables, tables,
                             reports, attempts};
    RunsRest runs_rest{core, runs};
    std::vector<std::pair<std::string, bool>> interrupted_later;
    TasksRest tasks_rest{calls, commands, runs, [this](const std::string& id, bool force) {
                             interrupted_later.emplace_back(id, force);
                         }};
    AgentCommands agent_commands{calls};
    MemoryServers server_rows;
    ServerWatch server_watch{core, fanout, requests, server_rows, tables};
    ServerOutcomes outcomes{core, fanout, server_watch};
    ServerCalls server_calls{core, calls, fanout, server_watch, outcomes};
    ServersRest servers_rest{server_calls};
    ServerFilesRest server_files{server_calls};
    Placer placer{server_watch};
    ServerControl server_control{core, fanout, requests, calls, commands, server_watch, outcomes, placer};
    FleetRest fleet{server_calls, server_watch, placer};
    Rest rest{core, exchanges, credentials.callers};

private:
    Conn last_ = 100;
};

} // namespace agenthost::hub_test
