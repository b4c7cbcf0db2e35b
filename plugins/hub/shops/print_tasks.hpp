// REST routes for the tasks of print shops: create, query, and list them with each shop's heartbeat. Under
// the hub's lock.
//
// A task waits for its shop and is resent after a lost session like any other (tasks.hpp). A configuration is
// confirmed by the first heartbeat after its success with a new config_push_at.
//
// Bounds: of max_shops shops, the id of one configuration and max_push_at bytes of one config_push_at.
//
// More than 25 members: one function for each route and event, and the parts that these use.
#pragma once

#include "plugins/hub/agents/reports.hpp"
#include "plugins/hub/http/router.hpp"
#include "plugins/hub/tasks/calls.hpp"

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::hub {

class PrintTasks {
public:
    // A longer value is remembered by its SHA-256.
    static constexpr std::size_t max_shops = 10'000, max_push_at = 64;

    PrintTasks(Core& core, Calls& calls, Commands& commands, Fanout& fanout, Registry& registry,
               TaskTable& tasks, ReportTable& table, Reports& reports)
        : core_{core}, calls_{calls}, commands_{commands}, fanout_{fanout}, registry_{registry},
          tasks_{tasks}, table_{table}, reports_{reports}
    {}

    [[nodiscard]] std::vector<Route> routes();

    // As GET /api/agent-heartbeat answers.
    void list_one(const std::string& shop, const Calls::Answering&) UNDER_LOCK;
    void list(Registry::Page, const Calls::Answering&) UNDER_LOCK;

    void restore(const std::vector<TaskRecord>& unconfirmed) UNDER_LOCK;
    void ended(const TaskRecord&) UNDER_LOCK; // any task's end
    void heartbeat(std::string_view shop, std::string_view facts) UNDER_LOCK;

private:
    void create(const HttpRequest&) UNDER_LOCK;
    void show(const HttpRequest&) UNDER_LOCK;
    void heartbeats(const HttpRequest&) UNDER_LOCK;
    void create_from(const Exchange&, const std::string& body, const Caller&) UNDER_LOCK;
    void write_shop(base::JsonWriter&, const AgentRecord& shop, const std::vector<Report>&) const UNDER_LOCK;
    void answer_heartbeats(const Calls::Answering&, const std::vector<AgentRecord>& shops,
                           const std::optional<std::string>& next) UNDER_LOCK;
    void load_pushed(const std::vector<std::string>& shops) UNDER_LOCK; // from their stored heartbeats
    void confirm(const std::string& shop, const std::string& task) UNDER_LOCK;
    void try_again(const std::string& shop, const std::string& task) UNDER_LOCK;

    Core& core_;
    Calls& calls_;
    Commands& commands_;
    Fanout& fanout_;
    Registry& registry_;
    TaskTable& tasks_;
    ReportTable& table_;
    Reports& reports_;
    std::unordered_map<std::string, std::string>
        unconfirmed_ GUARDED;                                     // by shop: its newest configuration's id
    std::unordered_map<std::string, std::string> pushed_ GUARDED; // by shop: the last config_push_at
};

} // namespace agenthost::hub
