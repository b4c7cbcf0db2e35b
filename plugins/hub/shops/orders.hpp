// Creates the tasks that print: of a file, a text or ESC/POS, and the copy of an earlier task. Under the
// hub's lock.
//
// A request with an Idempotency-Key creates one task, however often it is repeated, also across restarts: the
// task's id is derived from the caller, the shop and the key, and its row has the digest of what was asked
// for. It is remembered as long as the task is. Requests with one key wait for each other's look-up.
//
// Bounds: `max_lookups` look-ups, and `max_preparing` bytes of orders that are not tasks yet, shared among
// callers and among shops (core/shares.hpp). From then on the bounds of open tasks apply.
#pragma once

#include "order.hpp"
#include "plugins/hub/agents/reports.hpp"
#include "plugins/hub/core/by_id.hpp"
#include "plugins/hub/core/shares.hpp"
#include "plugins/hub/tasks/calls.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

class PrintOrders {
public:
    static constexpr std::uint64_t max_preparing = 64U << 20;

    PrintOrders(Core& core, Calls& calls, Commands& commands, TaskTable& tasks, ReportTable& table,
                Reports& reports)
        : core_{core}, calls_{calls}, commands_{commands}, tasks_{tasks}, table_{table}, reports_{reports}
    {}

    // Who asks. `subject`: the token's; empty: the command line. `key`: the Idempotency-Key; empty: none.
    struct By {
        std::string subject, key;
        std::function<bool(std::string_view shop)> sees;
    };
    // Answers 202 with the task once it is on disk; 200 with the task that the key has already created.
    void print(const std::string& shop, Order, const By&, const Calls::Answering&) UNDER_LOCK;
    // Asks the agent for a copy of a task that has ended, marked as such.
    void reprint(const std::string& task, const By&, const Calls::Answering&) UNDER_LOCK;
    // Bytes of the orders that are not answered yet.
    [[nodiscard]] std::uint64_t preparing() const UNDER_LOCK { return callers_.used(); }

private:
    struct Lookup {
        bool ok = false;
        std::optional<TaskRecord> found;
    };
    using Waiting = std::vector<std::function<void(const Lookup&)>>;
    static constexpr std::size_t max_lookups = 1'024;

    // Counts `bytes` until the returned function is called. nullopt: refused; `answer` has been called.
    std::optional<Calls::Answering> hold(const std::string& shop, const By&, std::uint64_t bytes,
                                         const Calls::Answering&) UNDER_LOCK;
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
    ById<Waiting> looking_ GUARDED;                                        // by a task's id
    Shares callers_ GUARDED{max_preparing}, shops_ GUARDED{max_preparing}; // of the same bytes
};

} // namespace agenthost::hub
