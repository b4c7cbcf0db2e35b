// Tasks for print's shops: made, asked for, and seen together with each shop's heartbeat. Under the hub's lock.
//
// A task waits for its shop and is sent again after a lost session as any other (tasks.hpp). A configuration is confirmed by the first
// heartbeat after its success that tells another config_push_at than the one before.
#pragma once

#include "plugins/hub/agents/reports.hpp"
#include "plugins/hub/core/access.hpp"
#include "plugins/hub/tasks/calls.hpp"

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::hub {

class PrintTasks {
public:
    PrintTasks(Core& core, Calls& calls, Commands& commands, Fanout& fanout, Registry& registry,
               TaskTable& tasks, ReportTable& table, Reports& reports)
        : core_{core}, calls_{calls}, commands_{commands}, fanout_{fanout}, registry_{registry},
          tasks_{tasks}, table_{table}, reports_{reports}
    {}

    void create(Conn, const Head&, const Caller&);
    void show(Conn, const std::string& id, const Caller&);
    void heartbeats(Conn, const Head&, const Caller&);

    void restore(std::vector<TaskRecord> unconfirmed);
    void ended(const TaskRecord&); // any task's end
    void heartbeat(std::string_view shop, std::string_view facts);

private:
    void create_from(Conn, const std::string& body, const Caller&);
    void answer_heartbeats(Conn, const std::vector<AgentRecord>& shops, const std::string& next);
    [[nodiscard]] static std::string write(const TaskRecord&);

    Core& core_;
    Calls& calls_;
    Commands& commands_;
    Fanout& fanout_;
    Registry& registry_;
    TaskTable& tasks_;
    ReportTable& table_;
    Reports& reports_;
    std::unordered_map<std::string, TaskRecord> unconfirmed_; // by shop: its newest configuration
    std::unordered_map<std::string, std::string> pushed_;     // by shop: the config_push_at told last
};

} // namespace agenthost::hub
