#include "shops_rest.hpp"

#include "base/json_writer.hpp"
#include "plugins/hub/http/not_saved.hpp"
#include "printers.hpp"
#include "task_json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace agenthost::hub {

namespace {

constexpr std::size_t page = 50;
constexpr std::array<std::string_view, 4> states{"open", "success", "error", "failed"};
constexpr std::array<std::string_view, 4> command_words{"print", "config", "ping", "reprint"};
constexpr std::array<std::string_view, 4> outcomes{"printed", "sent", "failed", "unknown"};

template <class Words> bool one_of(const Words& words, const std::string& word)
{
    return word.empty() || std::find(words.begin(), words.end(), word) != words.end();
}

std::string cursor_of(const TaskRecord& task) { return std::to_string(task.created) + "-" + task.id; }

bool read_cursor(std::string_view text, TaskTable::Page& wanted)
{
    if (text.empty()) return true;
    const auto dash = text.find('-');
    if (dash == text.npos) return false;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + dash, wanted.created);
    wanted.id = text.substr(dash + 1);
    return bad == std::errc{} && end == text.data() + dash;
}

PrintOrders::By by_caller(const HttpRequest& request) UNDER_LOCK
{
    return {.subject = request.exchange.caller(),
            .key = std::string{request.head.header("idempotency-key")},
            .sees = [caller = request.caller](std::string_view shop) { return caller.sees(shop); }};
}

} // namespace

std::string TaskFilter::problem() const
{
    if (!one_of(states, status)) return "\"status\" must be one of open, success, error, failed";
    if (!one_of(command_words, command)) return "\"command\" must be one of print, config, ping, reprint";
    if (!one_of(outcomes, outcome)) return "\"outcome\" must be one of printed, sent, failed, unknown";
    return {};
}

bool TaskFilter::wants(const TaskRecord& task) const
{
    if (!status.empty() && status != (final(task.state) ? to_string(task.state) : states[0])) return false;
    if (!command.empty() && command != command_of(task)) return false;
    return outcome.empty() || outcome == paper_outcome(task);
}

std::vector<Route> ShopsRest::routes()
{
    return {
        {"POST", "/api/shops/:agent/print", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { print(r); }},
        {"GET", "/api/shops/:agent/printers", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { printers(r); }},
        {"GET", "/api/shops/:agent/tasks", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { tasks(r); }},
        {"POST", "/api/agent-tasks/:id/reprint", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { reprint(r); }},
        {"GET", "/api/agent-tasks/:id/receipt.png", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { receipt(r, Receipts::Kind::png); }},
        {"GET", "/api/agent-tasks/:id/receipt.txt", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { receipt(r, Receipts::Kind::text); }},
    };
}

void ShopsRest::print(const HttpRequest& request)
{
    const Exchange& exchange = request.exchange;
    if (request.head.length.value_or(0) > max_order)
        return exchange.refuse(413, "TOO_LARGE", "An order is at most 760 KiB; print it in several parts");
    if (!request.head.has_body())
        return exchange.refuse(400, "INVALID_REQUEST",
                               "The body is missing; send ESC/POS, text, or {\"text\":\"Hello\"}");
    const auto received = [this, exchange, head = request.head, shop = request.arguments[0],
                           by = by_caller(request)](const std::string& body) UNDER_LOCK {
        orders_.print(shop, read_order(head, body), by, Calls::on(exchange));
    };
    exchange.receive(max_order, received);
}

void ShopsRest::reprint(const HttpRequest& request)
{
    orders_.reprint(request.arguments[0], by_caller(request), Calls::on(request.exchange));
}

// ---- printers ----

void ShopsRest::printers(const HttpRequest& request)
{
    const std::string& shop = request.arguments[0];
    const Calls::Answering answer = Calls::on(request.exchange);
    calls_.with_known(answer, shop, [this, shop, answer]() UNDER_LOCK {
        if (const Reports::Entry* beat = reports_.last_heartbeat(shop); beat != nullptr)
            return answer_printers(shop, beat->json, beat->at, answer);
        const auto found = [this, shop, answer](bool ok, const std::vector<Report>& reports) {
            core_.strand.run([&]() UNDER_LOCK {
                if (!ok) return answer(not_read(core_.config.database));
                for (const Report& r : reports)
                    if (r.kind == "heartbeat") return answer_printers(shop, r.json, r.at, answer);
                answer_printers(shop, "{}", {}, answer);
            });
        };
        if (!table_.find({shop}, found)) answer(busy_answer());
    });
}

void ShopsRest::answer_printers(const std::string& shop, std::string_view facts,
                                std::optional<std::int64_t> at, const Calls::Answering& answer)
{
    const std::string devices = devices_of(facts), left_out = left_out_of(facts);
    std::string out;
    base::JsonWriter writer{out};
    writer.object()
        .member("shopId", shop)
        .member("status", fanout_.online(shop) ? "online" : "offline")
        .member("heartbeatAt", at)
        .member("printers", base::RawJson{devices.empty() ? "[]" : devices});
    if (!left_out.empty()) writer.member("leftOut", base::RawJson{left_out});
    writer.end();
    answer(json_answer(200, out));
}

// ---- history ----

void ShopsRest::tasks(const HttpRequest& request)
{
    const Head& head = request.head;
    const auto text = [&](std::string_view key) { return query_value(head.query, key).value_or(""); };
    const TaskFilter filter{.status = text("status"), .command = text("command"), .outcome = text("outcome")};
    const auto limit = parse_limit(head.query, page, max_page);
    if (!limit)
        return request.exchange.refuse(400, "INVALID_REQUEST", "\"limit\" must be a number from 1 to 200");
    const std::string& shop = request.arguments[0];
    const Calls::Answering answer = Calls::on(request.exchange);
    calls_.with_known(answer, shop, [=, this, after = text("after"), limit = *limit]() UNDER_LOCK {
        history(shop, filter, limit, after, answer);
    });
}

void ShopsRest::history(const std::string& shop, const TaskFilter& filter, std::size_t limit,
                        const std::string& after, const Calls::Answering& answer)
{
    TaskTable::Page wanted{.shop = shop, .max_rows = limit};
    std::string wrong = filter.problem();
    if (wrong.empty() && !read_cursor(after, wanted))
        wrong = "\"after\" must be the \"next\" of an earlier page";
    if (!wrong.empty()) return answer(error_answer(400, "INVALID_REQUEST", wrong));
    wanted.wanted = [filter](const TaskRecord& task) { return filter.wants(task); };
    const auto listed = [this, answer](bool ok, const std::vector<TaskRecord>& rows, bool more) {
        core_.strand.run([&]() UNDER_LOCK {
            if (!ok) return answer(not_read(core_.config.database));
            std::string out;
            base::JsonWriter writer{out};
            writer.object().array("tasks");
            for (const TaskRecord& row : rows) {
                // The row of an open task is older than its state.
                const TaskRecord* open = final(row.state) ? nullptr : commands_.find(row.id);
                writer.value(base::RawJson{shop_task_json(open == nullptr ? row : *open)});
            }
            const auto next = more && !rows.empty() ? std::optional{cursor_of(rows.back())} : std::nullopt;
            writer.end().member("next", next).end();
            answer(json_answer(200, out));
        });
    };
    if (!tasks_.list(std::move(wanted), listed)) answer(busy_answer());
}

// ---- receipts ----

void ShopsRest::receipt(const HttpRequest& request, Receipts::Kind kind)
{
    receipt(request.arguments[0], kind, by_caller(request), Calls::on(request.exchange));
}

void ShopsRest::receipt(const std::string& id, Receipts::Kind kind, const PrintOrders::By& by,
                        const Calls::Answering& answer)
{
    calls_.find(answer, id, [this, id, kind, by, answer](const TaskRecord& task) UNDER_LOCK {
        if (!task.shop || !by.sees(task.agent)) return answer(Calls::no_task(id));
        if (!prints(task))
            return answer(
                error_answer(404, "NOT_FOUND", "Task " + id + " does not print, so it has no receipt"));
        receipts_.get(task, kind, by.subject, answer);
    });
}

} // namespace agenthost::hub
