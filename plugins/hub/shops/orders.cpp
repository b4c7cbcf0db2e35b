#include "orders.hpp"

#include "base/hash.hpp"
#include "base/json_writer.hpp"
#include "plugins/hub/http/not_saved.hpp"
#include "printers.hpp"
#include "task_json.hpp"

#include <utility>

namespace agenthost::hub {

namespace {

const Calls::Form form{.write = &shop_task_json, .location = "/api/agent-tasks/"};

// What an order costs beside its content.
constexpr std::uint64_t order_overhead = 1U << 10;

// Of the same caller, shop and key always the same.
std::string keyed_id(const std::string& shop, const PrintOrders::By& by)
{
    base::Sha256 hash;
    for (const std::string* part : {&by.subject, &shop, &by.key}) {
        hash.update(std::to_string(part->size()) + ":");
        hash.update(*part);
    }
    return "req_" + base::hex(hash.finish()).substr(0, 32);
}

// The parameters with the printer as first member.
std::string with_printer_member(const std::string& params, const std::string& printer)
{
    if (printer.empty()) return params;
    const bool none = params == "{}";
    return "{\"printer\":" + printer + (none ? "}" : "," + params.substr(1));
}

Answer invalid_key()
{
    return error_answer(
        400, "INVALID_REQUEST",
        "The Idempotency-Key must be 1 to 255 printable characters, such as the order's number");
}

} // namespace

std::optional<Calls::Answering> PrintOrders::hold(const std::string& shop, const By& by, std::uint64_t bytes,
                                                  const Calls::Answering& answer)
{
    bytes += order_overhead;
    if (!callers_.take(by.subject, bytes)) {
        answer(busy_answer("Too many print orders wait for the database; try again later"));
        return std::nullopt;
    }
    if (!shops_.take(shop, bytes)) {
        callers_.give_back(by.subject, bytes);
        answer(busy_answer("Too many print orders for shop " + shop +
                           " wait for the database; try again later"));
        return std::nullopt;
    }
    return [this, shop, subject = by.subject, bytes, answer](Answer reply) UNDER_LOCK {
        callers_.give_back(subject, bytes);
        shops_.give_back(shop, bytes);
        answer(std::move(reply));
    };
}

void PrintOrders::print(const std::string& shop, Order order, const By& by, const Calls::Answering& caller)
{
    if (!order.code.empty()) return caller(error_answer(status_of(order.code), order.code, order.why));
    if (!valid_key(by.key)) return caller(invalid_key());
    if (!by.sees(shop)) return caller(Calls::no_agent(shop));
    const auto held = hold(shop, by, order.params.size() + order.printer.size(), caller);
    if (!held) return;
    const Calls::Answering& answer = *held;
    const std::string digest = by.key.empty() ? std::string{} : digest_of(order);
    calls_.with_known(answer, shop, [=, this, order = std::move(order)]() UNDER_LOCK {
        with_printer(shop, order, answer, [=, this](std::string params) UNDER_LOCK {
            TaskRecord task = calls_.make(shop, std::string{shop_action::print}, std::move(params));
            task.digest = digest;
            create(std::move(task), by, answer);
        });
    });
}

void PrintOrders::reprint(const std::string& id, const By& by, const Calls::Answering& answer)
{
    if (!valid_key(by.key)) return answer(invalid_key());
    calls_.find(answer, id, [this, id, by, answer](const TaskRecord& task) UNDER_LOCK {
        if (!task.shop || !by.sees(task.agent)) return answer(Calls::no_task(id));
        if (!prints(task))
            return answer(error_answer(400, "INVALID_REQUEST",
                                       "Task " + id +
                                           " does not print anything; only tasks with the command "
                                           "print or reprint can be copied"));
        if (!final(task.state))
            return answer(error_answer(409, "TASK_OPEN",
                                       "Task " + id +
                                           " has not ended; wait for its end, or cancel it with "
                                           "DELETE /api/tasks/" +
                                           id + ", and ask again"));
        TaskRecord copy =
            calls_.make(task.agent, std::string{shop_action::reprint}, base::json_object("task", id));
        copy.origin = id;
        if (!by.key.empty()) copy.digest = base::hex(base::sha256("copy of " + id));
        core_.log(AGH_LOG_INFO, "audit: reprint of task " + id + " of shop " + copy.agent + " by " +
                                    (by.subject.empty() ? std::string{"the command line"} : by.subject));
        const std::string shop = copy.agent;
        if (const auto held = hold(shop, by, copy.params.size(), answer)) create(std::move(copy), by, *held);
    });
}

// Replaces a printer's name by what identifies it in the shop's latest heartbeat.
void PrintOrders::with_printer(const std::string& shop, Order order, const Calls::Answering& answer,
                               std::function<void(std::string)> then)
{
    if (order.printer_name.empty()) return then(with_printer_member(order.params, order.printer));
    const auto named = [answer, then, params = order.params,
                        name = order.printer_name](std::string_view facts) UNDER_LOCK {
        std::string why;
        const auto printer = printer_named(name, facts, why);
        if (!printer) return answer(error_answer(404, "PRINTER_NOT_FOUND", why));
        then(with_printer_member(params, *printer));
    };
    if (const Reports::Entry* beat = reports_.last_heartbeat(shop); beat != nullptr) return named(beat->json);
    const bool asked = table_.find({shop}, [this, answer, named](bool ok, const std::vector<Report>& found) {
        core_.strand.run([&]() UNDER_LOCK {
            if (!ok) return answer(not_read(core_.config.database));
            for (const Report& r : found)
                if (r.kind == "heartbeat") return named(r.json);
            named("{}");
        });
    });
    if (!asked) answer(busy_answer());
}

void PrintOrders::create(TaskRecord task, const By& by, const Calls::Answering& answer)
{
    task.shop = true;
    task.caller = by.subject;
    if (by.key.empty()) return calls_.enqueue(answer, std::move(task), form);
    task.id = keyed_id(task.agent, by);
    const std::string id = task.id;
    look_up(id, answer, [this, task = std::move(task), answer](const Lookup& known) UNDER_LOCK {
        if (const TaskRecord* open = commands_.find(task.id)) return repeated(*open, task.digest, answer);
        if (!known.ok) return answer(not_read(core_.config.database));
        if (known.found) return repeated(*known.found, task.digest, answer);
        calls_.enqueue(answer, task, form);
    });
}

void PrintOrders::look_up(const std::string& id, const Calls::Answering& answer,
                          std::function<void(const Lookup&)> then)
{
    if (looking_.size() >= max_lookups) return answer(busy_answer());
    Waiting& waiting = looking_[id];
    waiting.push_back(std::move(then));
    if (waiting.size() > 1) return; // the first one's answer serves all
    const bool asked = tasks_.find(id, [this, id](bool ok, const std::optional<TaskRecord>& found) {
        core_.strand.run([&]() UNDER_LOCK {
            const Lookup known{ok, found};
            auto all = looking_.extract(id);
            for (const auto& one : all.mapped()) one(known);
        });
    });
    if (asked) return;
    looking_.erase(id);
    answer(busy_answer());
}

void PrintOrders::repeated(const TaskRecord& earlier, const std::string& digest,
                           const Calls::Answering& answer)
{
    if (earlier.digest != digest)
        return answer(error_answer(409, "ID_REUSED",
                                   "This Idempotency-Key was used for another request; its task is " +
                                       earlier.id + ". Use a new key for a new order"));
    Answer same = json_answer(200, shop_task_json(earlier));
    same.headers.emplace_back("location", form.location + earlier.id);
    answer(std::move(same));
}

} // namespace agenthost::hub
