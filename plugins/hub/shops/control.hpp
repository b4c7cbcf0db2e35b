// Print shops for the command line: the actions hub.print_shops, print, print_task, print_tasks, print_again
// and print_receipt, behind `agenthost hub print`. Under the hub's lock.
//
// They answer like the routes (print_tasks.hpp, shops_rest.hpp); print_task can also wait for the task to end.
// Bound: `max_waiting` callers that wait, shared among shops (core/shares.hpp).
#pragma once

#include "orders.hpp"
#include "plugins/hub/core/reply.hpp"
#include "plugins/hub/core/shares.hpp"
#include "print_tasks.hpp"
#include "shops_rest.hpp"

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <string>
#include <string_view>

namespace agenthost::hub {

class ShopControl {
public:
    static constexpr std::size_t max_waiting = 256;

    ShopControl(Core& core, Calls& calls, PrintTasks& tasks, PrintOrders& orders, ShopsRest& rest)
        : core_{core}, calls_{calls}, tasks_{tasks}, orders_{orders}, rest_{rest}
    {}

    static bool takes(std::string_view action);
    // `params` has been checked against the manifest's schema.
    void call(std::string_view action, std::string_view params, const ReplyPtr&) UNDER_LOCK;
    void ended(const TaskRecord&) UNDER_LOCK; // any task's end
    void drain() UNDER_LOCK;                  // the hub shuts down: each caller gets its task as it is

private:
    struct Waiting {
        std::string shop;
        Calls::Answering answer;
        Timers::Id timer;
    };
    void shops(const nlohmann::json&, const Calls::Answering&) UNDER_LOCK;
    void print(const nlohmann::json&, const Calls::Answering&) UNDER_LOCK;
    void task(const nlohmann::json&, const Calls::Answering&) UNDER_LOCK;
    void wait(const TaskRecord&, std::int64_t seconds, const Calls::Answering&) UNDER_LOCK;
    void show(const std::string& task, const Calls::Answering&) UNDER_LOCK;
    Calls::Answering answering(const ReplyPtr&);

    Core& core_;
    Calls& calls_;
    PrintTasks& tasks_;
    PrintOrders& orders_;
    ShopsRest& rest_;
    std::multimap<std::string, Waiting> waiting_ GUARDED; // by task
    Shares shops_ GUARDED{max_waiting};                   // of waiting_
};

} // namespace agenthost::hub
