// Creates the tasks that print: of a file, a text or ESC/POS, and the copy of an earlier task. Under the
// hub's lock.
//
// A request with an Idempotency-Key creates one task, however often it is repeated, also across restarts: the
// task's id is derived from the caller, the shop and the key, and its row has the digest of what was asked
// for. It is remembered as long as the task is. Requests with one key wait for each other's look-up.
#pragma once

#include "order.hpp"
#include "plugins/hub/agents/reports.hpp"
#include "plugins/hub/core/by_id.hpp"
#include "plugins/hub/tasks/calls.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

class PrintOrders {
public:
    PrintOrders(Core& core, Calls& calls, Commands& commands, TaskTable& tasks, ReportTable& table,
                Reports& reports)
        : core_{core}, calls_{calls}, commands_{commands}, tasks_{tasks}, table_{table}, reports_{reports}
    {}

    struct By {                   // of whom
        std::string subject, key; // key: the Idempotency-Key; empty: none
        std::function<bool(std::string_view shop)> sees;
    };
    // Answers 202 with the task once it is on disk; 200 with the task that the key has already created.
    void print(const std::string& shop, Order, const By&, const Calls::Answering&) UNDER_LOCK;
    // Asks the agent for a copy of a task that has ended, marked as such.
    void reprint(const std::string& task, const By&, const Calls::Answering&) UNDER_LOCK;

private:
    struct Lookup {
        bool ok = false;
        std::optional<TaskRecord> found;
    };
    using Waiting = std::vector<std::function<void(const Lookup&)>>;
    static constexpr std::size_t max_lookups = 1'024;

    void with_printer(const std::string& shop, Order, const Calls::Answering&,
                      std::function<void(std::string params)> then) UNDER_LOCK;
    void create(TaskRecord, const By&, const Calls::Answering&) UNDER_LOCK;
    // What the table has of this task.
    void look_up(const std::string& id, const Calls::Answering&, std::function<void(const Lookup&)> then)
        UNDER_LOCK;
    void repeated(const TaskRecord& earlier, const std::string& digest, const Calls::Answering&) UNDER_LOCK;

    Core& core_;
    Calls& calls_;
    Commands& commands_;
    TaskTable& tasks_;
    ReportTable& table_;
    Reports& reports_;
    ById<Waiting> looking_ GUARDED; // by a task's id
};

} // namespace agenthost::hub
