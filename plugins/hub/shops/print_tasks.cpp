#include "print_tasks.hpp"

#include "task_json.hpp"

#include "base/hash.hpp"
#include "base/json_writer.hpp"
#include "plugins/hub/http/not_saved.hpp"
#include "wire/json/json.hpp"
#include "wire/protocol_traits.hpp"
#include "wire/session/answers.hpp"

#include <algorithm>

namespace agenthost::hub {

namespace {

namespace json = wire::json;

constexpr std::size_t page = 100, max_page = 500;

struct Body {
    std::string shop, action, params = "{}";
};

// The payload without the members that the protocol adds.
std::string params_of(std::string_view payload, std::string& why)
{
    const auto members = json::split(payload, why);
    if (!members) return {};
    std::string out;
    base::JsonWriter writer{out};
    writer.object();
    for (const json::Member& m : *members) {
        if (m.key != "id" && m.key != "shopId") writer.member(m.key, base::RawJson{m.raw});
    }
    writer.end();
    return out;
}

// Parses a task; returns the error, or empty.
std::string parse(const std::string& text, Body& out)
{
    std::string why, payload;
    const auto members = json::split(text, why);
    if (!members) return "the body is not a JSON object: " + why;
    for (const json::Member& m : *members) {
        if (m.key == "shopId") {
            if (m.kind != json::Kind::string || !valid_id(m.text))
                return "\"shopId\" must be a shop's id: 1 to 128 bytes, no slash and no control character";
            out.shop = m.text;
        } else if (m.key == "command") {
            const std::string_view action = action_of(m.text);
            if (m.kind != json::Kind::string || action.empty())
                return "\"command\" must be one of print, config, ping";
            out.action = action;
        } else if (m.key == "payload") {
            if (m.kind == json::Kind::null) continue;
            if (m.kind != json::Kind::object) return "\"payload\" must be a JSON object";
            payload = m.raw;
        }
    }
    if (out.shop.empty()) return "\"shopId\" is missing; GET /api/agent-heartbeat lists the shops";
    if (out.action.empty()) return "\"command\" is missing; it must be one of print, config, ping";
    if (payload.empty()) return {};
    out.params = params_of(payload, why);
    return out.params.empty() ? "\"payload\": " + why : std::string{};
}

std::string config_push_at(std::string_view facts)
{
    if (!wire::may_have(facts, "config_push_at")) return {};
    std::string why;
    const auto members = json::split(facts, why);
    if (!members) return {};
    const auto m = std::find_if(members->begin(), members->end(),
                                [](const json::Member& x) { return x.key == "config_push_at"; });
    if (m == members->end() || m->kind == json::Kind::null) return {};
    return m->raw.size() > PrintTasks::max_push_at ? base::hex(base::sha256(m->raw)) : std::string{m->raw};
}

} // namespace

std::vector<Route> PrintTasks::routes()
{
    return {
        {"POST", "/api/agent-tasks", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { create(r); }},
        {"GET", "/api/agent-tasks/:id", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { show(r); }},
        {"GET", "/api/agent-heartbeat", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { heartbeats(r); }},
    };
}

void PrintTasks::create(const HttpRequest& request)
{
    calls_.with_body(request.exchange, request.head, R"({"shopId":"kitchen","command":"ping"})",
                     [this, exchange = request.exchange, caller = request.caller](const std::string& body)
                         UNDER_LOCK { create_from(exchange, body, caller); });
}

void PrintTasks::create_from(const Exchange& exchange, const std::string& text, const Caller& caller)
{
    Body body;
    if (const std::string wrong = parse(text, body); !wrong.empty())
        return exchange.refuse(400, "INVALID_REQUEST", wrong);
    if (!caller.sees(body.shop)) return Calls::no_agent(exchange, body.shop);
    TaskRecord task = calls_.make(body.shop, std::move(body.action), std::move(body.params));
    task.shop = true;
    calls_.with_known(exchange, body.shop, [this, exchange, task = std::move(task)]() UNDER_LOCK {
        calls_.enqueue(exchange, task, {.write = &shop_task_json, .location = "/api/agent-tasks/"});
    });
}

void PrintTasks::show(const HttpRequest& request)
{
    calls_.find(request.exchange, request.arguments[0],
                [exchange = request.exchange, caller = request.caller](const TaskRecord& task) UNDER_LOCK {
                    if (!task.shop || !caller.sees(task.agent)) return Calls::no_task(exchange, task.id);
                    exchange.answer(json_answer(200, shop_task_json(task)));
                });
}

void PrintTasks::heartbeats(const HttpRequest& request)
{
    const Head& head = request.head;
    const auto limit = parse_limit(head.query, page, max_page);
    if (!limit)
        return request.exchange.refuse(400, "INVALID_REQUEST", "\"limit\" must be a number from 1 to 500");
    if (const auto shop = query_value(head.query, "shopId")) {
        if (!request.caller.sees(*shop)) return Calls::no_agent(request.exchange, *shop);
        return list_one(*shop, Calls::on(request.exchange));
    }
    list({.after = query_value(head.query, "after").value_or(""),
          .max_rows = *limit,
          .among = request.caller.sight()},
         Calls::on(request.exchange));
}

void PrintTasks::list_one(const std::string& shop, const Calls::Answering& answer)
{
    const bool asked = registry_.find(shop, [this, answer, shop](bool ok, const auto& found) {
        core_.strand.run([&]() UNDER_LOCK {
            if (!ok) return answer(not_read(core_.config.database));
            if (!found) return answer(Calls::no_agent(shop));
            answer_heartbeats(answer, {*found}, {});
        });
    });
    if (!asked) answer(busy_answer());
}

void PrintTasks::list(Registry::Page wanted, const Calls::Answering& answer)
{
    const std::size_t limit = wanted.max_rows++;
    wanted.protocol = wire::name(wire::Protocol::print);
    const auto found = [this, answer, limit](bool ok, std::vector<AgentRecord> shops) {
        core_.strand.run([&]() UNDER_LOCK {
            if (!ok) return answer(not_read(core_.config.database));
            std::optional<std::string> next;
            if (shops.size() > limit) {
                shops.resize(limit);
                next = shops.back().id;
            }
            answer_heartbeats(answer, shops, next);
        });
    };
    if (!registry_.list(std::move(wanted), found)) answer(busy_answer());
}

void PrintTasks::answer_heartbeats(const Calls::Answering& answer, const std::vector<AgentRecord>& shops,
                                   const std::optional<std::string>& next)
{
    reports_.flush(); // so that the table has the newest
    std::vector<std::string> ids;
    for (const AgentRecord& shop : shops) ids.push_back(shop.id);
    const auto found = [this, answer, shops, next](bool ok, const std::vector<Report>& reports) {
        core_.strand.run([&]() UNDER_LOCK {
            if (!ok) return answer(not_read(core_.config.database));
            std::string out;
            base::JsonWriter writer{out};
            writer.object().array("shops");
            for (const AgentRecord& shop : shops) write_shop(writer, shop, reports);
            writer.end().member("next", next).end();
            answer(json_answer(200, out));
        });
    };
    if (!table_.find(ids, found)) answer(busy_answer());
}

void PrintTasks::write_shop(base::JsonWriter& writer, const AgentRecord& shop,
                            const std::vector<Report>& reports) const
{
    const AgentRecord* live = fanout_.find(shop.id);
    writer.object().member("shopId", shop.id).member("status", live != nullptr ? "online" : "offline");
    writer.member("lastSeen", live != nullptr ? core_.utc() : shop.last_seen);
    std::string_view beat = "null", result = "null";
    std::optional<std::int64_t> at;
    for (const Report& r : reports) {
        if (r.agent != shop.id) continue;
        if (r.kind == "heartbeat") beat = r.json, at = r.at;
        if (r.kind == "result") result = r.json;
    }
    writer.member("heartbeatAt", at).member("heartbeat", base::RawJson{beat});
    writer.member("lastTask", base::RawJson{result}).member("openTasks", commands_.open(shop.id)).end();
}

void PrintTasks::restore(const std::vector<TaskRecord>& unconfirmed)
{
    std::vector<std::string> shops;
    for (const TaskRecord& task : unconfirmed) {
        if (unconfirmed_.size() >= max_shops) break;
        unconfirmed_.insert_or_assign(task.agent, task.id); // oldest first: the newest stays
        shops.push_back(task.agent);
    }
    if (!shops.empty()) load_pushed(shops);
}

// A heartbeat from before the restart must not confirm anything.
void PrintTasks::load_pushed(const std::vector<std::string>& shops)
{
    table_.find(shops, [this, shops](bool ok, const std::vector<Report>& reports) {
        core_.strand.run([&]() UNDER_LOCK {
            if (!ok) {
                core_.after(std::chrono::seconds{1}, [this, shops]() UNDER_LOCK { load_pushed(shops); });
                return;
            }
            for (const Report& r : reports) {
                if (r.kind == "heartbeat") pushed_.try_emplace(r.agent, config_push_at(r.json));
            }
        });
    });
}

void PrintTasks::ended(const TaskRecord& task)
{
    if (!task.shop) return;
    TaskRecord record = task;
    const bool waits = task.action == shop_action::config && task.state == TaskState::success &&
                       (unconfirmed_.size() < max_shops || unconfirmed_.contains(task.agent));
    if (waits) {
        record.confirmed = -1;
        tasks_.save(record);
        unconfirmed_.insert_or_assign(task.agent, task.id);
    }
    if (!table_.save({{task.agent, "result", core_.utc(), shop_task_json(record)}}))
        core_.log(AGH_LOG_WARN, "hub: the database queue is full; the last result of shop " + task.agent +
                                    " is not recorded. Check the disk of plugins.hub.config.database");
}

void PrintTasks::heartbeat(std::string_view name, std::string_view facts)
{
    std::string at = config_push_at(facts);
    if (at.empty()) return;
    const std::string shop{name};
    if (const auto told = pushed_.find(shop); told != pushed_.end() && told->second == at) return;
    if (pushed_.size() < max_shops || pushed_.contains(shop)) pushed_.insert_or_assign(shop, std::move(at));
    const auto waits = unconfirmed_.find(shop);
    if (waits == unconfirmed_.end()) return;
    const std::string task = std::move(waits->second);
    unconfirmed_.erase(waits);
    confirm(shop, task);
}

void PrintTasks::confirm(const std::string& shop, const std::string& id)
{
    const auto found = [this, shop, id](bool ok, const std::optional<TaskRecord>& row) {
        core_.strand.run([&]() UNDER_LOCK {
            if (!ok) return try_again(shop, id);
            if (!row) return; // it has expired
            TaskRecord task = *row;
            task.confirmed = core_.utc();
            tasks_.save(task);
            table_.save({{shop, "result", core_.utc(), shop_task_json(task)}});
        });
    };
    if (!tasks_.find(id, found)) try_again(shop, id);
}

// The next heartbeat confirms it, unless there is a newer configuration.
void PrintTasks::try_again(const std::string& shop, const std::string& id)
{
    if (unconfirmed_.size() < max_shops && unconfirmed_.try_emplace(shop, id).second) pushed_.erase(shop);
}

} // namespace agenthost::hub
