#include "calls.hpp"

#include "plugins/hub/core/not_saved.hpp"

#include <agenthost/json.hpp>

#include <charconv>

namespace agenthost::hub {

std::string dropped_json(const TaskRecord& t)
{
    if (t.dropped == 0) return {};
    return ",\"dropped\":{\"bytes\":" + std::to_string(t.dropped) +
           ",\"message\":\"The hub no longer keeps this result: newer ones needed its room "
           "(plugins.hub.config.result_bytes)\"}";
}

std::string task_json(const TaskRecord& t)
{
    std::string out = "{\"id\":" + json_string(t.id) + ",\"agent\":" + json_string(t.agent) +
                      ",\"action\":" + json_string(t.action) + ",\"status\":\"" + std::string{word(t.state)} +
                      "\",\"sent\":" + std::to_string(t.sent) + ",\"created\":" + std::to_string(t.created) +
                      ",\"updated\":" + std::to_string(t.updated) +
                      ",\"expires\":" + std::to_string(t.expires);
    if (!t.target.empty()) out += ",\"target\":" + json_string(t.target);
    if (!t.data.empty()) out += ",\"data\":" + t.data;
    if (!t.code.empty()) {
        out += ",\"error\":{\"code\":" + json_string(t.code) + ",\"message\":" + json_string(t.message);
        if (!t.detail.empty()) out += ",\"detail\":" + json_string(t.detail);
        out += "}";
    }
    return out + dropped_json(t) + "}";
}

bool parse_wait(std::string_view raw, double& seconds)
{
    const auto [end, bad] = std::from_chars(raw.data(), raw.data() + raw.size(), seconds);
    return bad == std::errc{} && end == raw.data() + raw.size() && seconds >= 0 &&
           seconds <= Calls::longest_wait_s;
}

std::optional<std::size_t> parse_limit(std::string_view query, std::size_t otherwise, std::size_t most)
{
    const auto text = query_value(query, "limit");
    if (!text) return otherwise;
    std::size_t limit = 0;
    const auto [end, bad] = std::from_chars(text->data(), text->data() + text->size(), limit);
    if (bad != std::errc{} || end != text->data() + text->size() || limit == 0 || limit > most)
        return std::nullopt;
    return limit;
}

void Calls::refuse(Conn conn, int status, std::string_view code, std::string_view message)
{
    core_.answer(conn, error_answer(status, code, message));
}

std::string Calls::caller(Conn conn) const
{
    const auto it = core_.exchanges.find(conn);
    return it == core_.exchanges.end() ? std::string{} : it->second.caller;
}

void Calls::busy(Conn conn, std::string_view why)
{
    Answer answer =
        error_answer(503, "BUSY", why.empty() ? "The hub has too much to do; try again later" : why);
    answer.headers.emplace_back("retry-after", "1");
    core_.answer(conn, std::move(answer));
}

void Calls::not_found(Conn conn, const std::string& agent)
{
    refuse(conn, 404, "AGENT_NOT_FOUND", "There is no agent " + agent);
}

void Calls::with_known(Conn conn, const std::string& agent, const std::function<void()>& then)
{
    if (fanout_.online(agent) || credentials_.knows(agent)) return then();
    const bool asked = registry_.find(agent, [this, conn, agent, then](const auto& found) {
        core_.enter([&] {
            if (found)
                then();
            else
                not_found(conn, agent);
        });
    });
    if (!asked) busy(conn);
}

void Calls::with_online(Conn conn, const std::string& agent, const std::function<void()>& then)
{
    if (fanout_.online(agent)) return then();
    with_known(conn, agent, [this, conn, agent] {
        refuse(conn, 503, "AGENT_OFFLINE", "Agent " + agent + " is not connected");
    });
}

void Calls::with_body(Conn conn, const Head& head, const std::string& example,
                      std::function<void(const std::string&)> then)
{
    if (head.length.value_or(0) > most_body)
        return refuse(conn, 413, "TOO_LARGE", "A command is at most 512 KiB");
    if (!head.has_body()) return refuse(conn, 400, "INVALID_REQUEST", "The body is missing; send " + example);
    core_.exchanges[conn].on_body = [then = std::move(then)](const BodyEnd& end) {
        if (end.status == AGH_OK) then(end.data);
    };
    core_.outbox.push_back([this, conn] { core_.host.receive(conn, nullptr, most_body); });
}

TaskRecord Calls::make(std::string agent, std::string action, std::string params) const
{
    return {.id = Commands::new_id(),
            .agent = std::move(agent),
            .action = std::move(action),
            .params = std::move(params),
            .expires = core_.utc() + core_.config.task_ttl.count()};
}

void Calls::run(Conn conn, TaskRecord task, double wait_s, Form form)
{
    const std::string id = task.id;
    const auto timer = std::make_shared<Timers::Id>();
    if (const std::string wrong = commands_.check(task); !wrong.empty())
        return refuse(conn, 400, "INVALID_REQUEST", wrong);
    task.caller = caller(conn);
    std::string why;
    const bool taken = commands_.start(
        std::move(task),
        [this, conn, timer, write = form.write](const TaskRecord& done) {
            core_.timers.cancel(*timer);
            if (const auto it = core_.exchanges.find(conn); it != core_.exchanges.end())
                it->second.on_drain = {};
            const bool success = done.state == TaskState::success;
            core_.answer(conn, json_answer(success ? 200 : status_of(done.code), write(done)));
        },
        &why);
    if (!taken) return busy(conn, why);
    if (commands_.find(id) == nullptr) return; // it has ended already
    const auto leave = [this, id, timer] {
        core_.timers.cancel(*timer);
        commands_.forget(id);
    };
    if (wait_s == 0) {
        leave();
        return accepted(conn, id, form);
    }
    Core::Exchange& exchange = core_.exchanges[conn];
    exchange.on_closed = leave;
    exchange.on_drain = [this, conn, id, leave, form] {
        leave();
        accepted(conn, id, form);
    };
    const auto wait = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>{wait_s});
    *timer = core_.timers.at(core_.now() + wait, [this, conn, id, form = std::move(form)] {
        commands_.forget(id);
        if (const auto it = core_.exchanges.find(conn); it != core_.exchanges.end()) it->second.on_drain = {};
        accepted(conn, id, form);
    });
}

void Calls::enqueue(Conn conn, TaskRecord task, const Form& form)
{
    const std::string id = task.id;
    if (const std::string wrong = commands_.check(task); !wrong.empty())
        return refuse(conn, 400, "INVALID_REQUEST", wrong);
    task.caller = caller(conn);
    std::string why;
    if (!commands_.start(std::move(task), {}, &why)) return busy(conn, why);
    if (commands_.find(id) != nullptr) return accepted(conn, id, form);
    find(conn, id, [this, conn, form](const TaskRecord& ended) { // the protocol had no words for it
        core_.answer(conn, json_answer(status_of(ended.code), form.write(ended)));
    });
}

// 202 once the task is on disk: whoever has its id can ask for it, also after a restart.
void Calls::accepted(Conn conn, const std::string& id, const Form& form)
{
    const TaskRecord* task = commands_.find(id);
    if (task == nullptr) return;
    const std::string body = form.write(*task);
    const bool saving = table_.save(*task, [this, conn, url = form.location + id, body](bool saved) {
        core_.enter([&] {
            Answer answer = saved ? json_answer(202, body)
                                  : not_saved(core_.config.database, "The hub could not save the task");
            if (saved) answer.headers.emplace_back("location", url);
            core_.answer(conn, std::move(answer));
        });
    });
    if (!saving) busy(conn);
}

void Calls::find(Conn conn, const std::string& id, std::function<void(const TaskRecord&)> then)
{
    if (const TaskRecord* open = commands_.find(id)) return then(*open);
    const bool asked = table_.find(id, [this, conn, id, then = std::move(then)](const auto& found) {
        core_.enter([&] {
            if (found) return then(*found);
            refuse(conn, 404, "TASK_NOT_FOUND", "There is no task " + id + ", or it has expired");
        });
    });
    if (!asked) busy(conn);
}

} // namespace agenthost::hub
