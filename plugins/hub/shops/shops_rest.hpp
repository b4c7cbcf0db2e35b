// REST for print shops: what prints, what has been printed, and its receipts. Tasks and heartbeats of the
// document's own routes: print_tasks.hpp. Under the hub's lock.
#pragma once

#include "orders.hpp"
#include "plugins/hub/http/router.hpp"
#include "receipts.hpp"

#include <string>
#include <vector>

namespace agenthost::hub {

// A shop's tasks that a caller wants to see.
struct TaskFilter {
    std::string status;  // open, success, error, failed; empty: any
    std::string command; // print, config, ping, reprint
    std::string outcome; // printed, sent, failed, unknown
    [[nodiscard]] bool wants(const TaskRecord&) const;
    // The member that has no such value; empty: none.
    [[nodiscard]] std::string problem() const;
};

class ShopsRest {
public:
    static constexpr std::size_t max_page = 200;

    ShopsRest(Core& core, Calls& calls, Commands& commands, Fanout& fanout, TaskTable& tasks,
              ReportTable& table, Reports& reports, PrintOrders& orders, Receipts& receipts)
        : core_{core}, calls_{calls}, commands_{commands}, fanout_{fanout}, tasks_{tasks}, table_{table},
          reports_{reports}, orders_{orders}, receipts_{receipts}
    {}
    [[nodiscard]] std::vector<Route> routes();

    // {"tasks":[...],"next":"..."|null}; `after`: a `next`, or empty.
    void history(const std::string& shop, const TaskFilter&, std::size_t limit, const std::string& after,
                 const Calls::Answering&) UNDER_LOCK;
    void receipt(const std::string& task, Receipts::Kind, const PrintOrders::By&, const Calls::Answering&)
        UNDER_LOCK;

private:
    void print(const HttpRequest&) UNDER_LOCK;
    void reprint(const HttpRequest&) UNDER_LOCK;
    void printers(const HttpRequest&) UNDER_LOCK;
    void answer_printers(const std::string& shop, std::string_view facts, std::optional<std::int64_t> at,
                         const Calls::Answering&) UNDER_LOCK;
    void tasks(const HttpRequest&) UNDER_LOCK;
    void receipt(const HttpRequest&, Receipts::Kind) UNDER_LOCK;

    Core& core_;
    Calls& calls_;
    Commands& commands_;
    Fanout& fanout_;
    TaskTable& tasks_;
    ReportTable& table_;
    Reports& reports_;
    PrintOrders& orders_;
    Receipts& receipts_;
};

} // namespace agenthost::hub
