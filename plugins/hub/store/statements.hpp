// The store's schema and statements; private to store*.cpp. On the store's thread (and in its constructor).
#pragma once

#include "results.hpp"
#include "store.hpp"

#include "base/sqlite.hpp"

namespace agenthost::hub {

struct Store::Tables {
    Tables(base::Database&, std::uint64_t result_bytes);
    void save(const TaskRecord&);
    void list_among(const Registry::Page&, std::vector<AgentRecord>&);

    static AgentRecord agent(const base::Statement& row);
    static TaskRecord task(const base::Statement& row);
    static std::string tasks_where(const char* condition);
    // Upgrades to this program's schema version; throws if the file is newer.
    static void upgrade(base::Database&, const std::string& file);

    base::Database& db;
    StoredResults results;
    base::Statement agent_seen, agent_find, agent_list, agent_list_of, agent_forget, agent_trim, report_save,
        report_find, report_trim, task_save, task_find, shop_list, task_expire, task_trim, shop_trim,
        token_save, token_remove;
};

} // namespace agenthost::hub
