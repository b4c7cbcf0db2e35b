#include "control.hpp"

#include "task_json.hpp"

#include "base/json_depth.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace agenthost::hub {

using nlohmann::json;

namespace {

constexpr std::array<std::string_view, 6> actions{"hub.print_shops", "hub.print",       "hub.print_task",
                                                  "hub.print_tasks", "hub.print_again", "hub.print_receipt"};
constexpr std::size_t shops_page = 100, tasks_page = 50;

std::string text(const json& params, const char* key)
{
    const auto at = params.find(key);
    return at != params.end() && at->is_string() ? at->get<std::string>() : std::string{};
}

bool everything(std::string_view) { return true; }

PrintOrders::By by(const json& params)
{
    return {.subject = {}, .key = text(params, "key"), .sees = everything};
}

} // namespace

bool ShopControl::takes(std::string_view action)
{
    return std::find(actions.begin(), actions.end(), action) != actions.end();
}

// Turns an answer of REST into a reply.
Calls::Answering ShopControl::answering(const ReplyPtr& reply)
{
    return [this, reply](Answer answer) UNDER_LOCK {
        core_.strand.post([reply, answer = std::move(answer)] {
            if (answer.status < 300) return reply->ok(answer.body);
            const json error = json::parse(answer.body, nullptr, false).value("error", json::object());
            reply->fail(text(error, "code"), text(error, "message"));
        });
    };
}

void ShopControl::call(std::string_view action, std::string_view raw, const ReplyPtr& reply)
{
    const json params = base::parse_json<json>(raw);
    const Calls::Answering answer = answering(reply);
    if (!params.is_object())
        return answer(error_answer(400, "INVALID_REQUEST", "The parameters must be a JSON object"));
    if (core_.draining) return answer(busy_answer("The hub is shutting down; try again when it has started"));
    if (action == "hub.print_shops") return shops(params, answer);
    if (action == "hub.print") return print(params, answer);
    if (action == "hub.print_task") return task(params, answer);
    if (action == "hub.print_again") return orders_.reprint(text(params, "task"), by(params), answer);
    if (action == "hub.print_receipt")
        return rest_.receipt(text(params, "task"), Receipts::Kind::json, by(params), answer);
    const TaskFilter filter{.status = text(params, "status"),
                            .command = text(params, "command"),
                            .outcome = text(params, "outcome")};
    const std::string shop = text(params, "shop");
    calls_.with_known(answer, shop, [this, shop, filter, params, answer]() UNDER_LOCK {
        rest_.history(shop, filter, params.value("limit", tasks_page), text(params, "after"), answer);
    });
}

void ShopControl::shops(const json& params, const Calls::Answering& answer)
{
    if (const std::string shop = text(params, "shop"); !shop.empty()) return tasks_.list_one(shop, answer);
    tasks_.list({.after = text(params, "after"), .max_rows = shops_page}, answer);
}

void ShopControl::print(const json& params, const Calls::Answering& answer)
{
    const auto order = params.find("order");
    const std::string body = order == params.end() ? "{}" : order->dump();
    orders_.print(text(params, "shop"), read_order_json(body), by(params), answer);
}

void ShopControl::task(const json& params, const Calls::Answering& answer)
{
    const std::string id = text(params, "task");
    calls_.find(answer, id, [this, id, params, answer](const TaskRecord& found) UNDER_LOCK {
        if (!found.shop) return answer(Calls::no_task(id));
        const std::int64_t seconds = params.value("wait", std::int64_t{0});
        if (final(found.state) || seconds == 0 || core_.draining)
            return answer(json_answer(200, shop_task_json(found)));
        wait(found, seconds, answer);
    });
}

void ShopControl::wait(const TaskRecord& open, std::int64_t seconds, const Calls::Answering& answer)
{
    if (!shops_.take(open.agent, 1))
        return answer(busy_answer("Too many callers wait for tasks of shop " + open.agent +
                                  "; try again later, or ask without waiting: agenthost hub print task " +
                                  open.id));
    const auto at = waiting_.emplace(open.id, Waiting{open.agent, answer, {}});
    at->second.timer = core_.after(std::chrono::seconds{seconds}, [this, at]() UNDER_LOCK {
        const std::string task = at->first;
        const Calls::Answering late = std::move(at->second.answer);
        shops_.give_back(at->second.shop, 1);
        waiting_.erase(at);
        show(task, late);
    });
}

void ShopControl::drain()
{
    for (auto waiting = std::exchange(waiting_, {}); auto& [task, caller] : waiting) {
        core_.timers.cancel(caller.timer);
        shops_.give_back(caller.shop, 1);
        show(task, caller.answer);
    }
}

void ShopControl::show(const std::string& id, const Calls::Answering& answer)
{
    calls_.find(answer, id, [answer](const TaskRecord& task) UNDER_LOCK {
        answer(json_answer(200, shop_task_json(task)));
    });
}

void ShopControl::ended(const TaskRecord& task)
{
    if (!task.shop) return;
    for (auto [at, end] = waiting_.equal_range(task.id); at != end; at = waiting_.erase(at)) {
        core_.timers.cancel(at->second.timer);
        shops_.give_back(at->second.shop, 1);
        at->second.answer(json_answer(200, shop_task_json(task)));
    }
}

} // namespace agenthost::hub
