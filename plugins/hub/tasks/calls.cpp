#include "calls.hpp"

#include "base/json_writer.hpp"
#include "base/parse_number.hpp"
#include "plugins/hub/http/not_saved.hpp"

#include <charconv>

namespace agenthost::hub {

void write_dropped(base::JsonWriter& json, const TaskRecord& t)
{
    if (t.dropped == 0) return;
    json.object("dropped").member("bytes", t.dropped);
    json.member("message", "This result was dropped to make space for newer ones "
                           "(plugins.hub.config.result_bytes)");
    json.end();
}

void write_error(base::JsonWriter& json, std::string_view code, std::string_view message,
                 std::string_view detail)
{
    if (code.empty()) return;
    json.object("error").member("code", code).member("message", message);
    if (!detail.empty()) json.member("detail", detail);
    json.end();
}

std::string cancel_json(const TaskRecord& t, std::string_view cancel)
{
    std::string out;
    base::JsonWriter json{out};
    json.object()
        .member("id", t.id)
        .member("agent", t.agent)
        .member("action", t.action)
        .member("status", to_string(t.state))
        .member("sent", t.sent)
        .member("created", t.created)
        .member("updated", t.updated)
        .member("expires", t.expires);
    if (!t.target.empty()) json.member("target", t.target);
    if (!t.data.empty()) json.member("data", base::RawJson{t.data});
    write_error(json, t.code, t.message, t.detail);
    write_dropped(json, t);
    if (!cancel.empty()) json.member("cancel", cancel);
    json.end();
    return out;
}

std::string task_json(const TaskRecord& t) { return cancel_json(t, {}); }

bool parse_wait(std::string_view raw, double& seconds)
{
    const auto [end, bad] = std::from_chars(raw.data(), raw.data() + raw.size(), seconds);
    return bad == std::errc{} && end == raw.data() + raw.size() && seconds >= 0 &&
           seconds <= Calls::max_wait_s;
}

std::optional<std::size_t> parse_limit(std::string_view query, std::size_t otherwise, std::size_t max)
{
    const auto text = query_value(query, "limit");
    if (!text) return otherwise;
    const auto limit = base::parse_number<std::size_t>(*text);
    return limit && *limit > 0 && *limit <= max ? limit : std::nullopt;
}

Answer Calls::no_agent(const std::string& id)
{
    return error_answer(404, "AGENT_NOT_FOUND",
                        "This hub does not know agent " + id + "; GET /api/agents lists them");
}

Answer Calls::no_task(const std::string& id)
{
    return error_answer(404, "TASK_NOT_FOUND", "Task " + id + " does not exist or has expired");
}

void Calls::no_agent(const Exchange& exchange, const std::string& id) { exchange.answer(no_agent(id)); }

void Calls::no_task(const Exchange& exchange, const std::string& id) { exchange.answer(no_task(id)); }

void Calls::with_known(const Exchange& exchange, const std::string& agent, const std::function<void()>& then)
{
    with_known(on(exchange), agent, then);
}

void Calls::with_known(const Answering& answer, const std::string& agent, const std::function<void()>& then)
{
    if (fanout_.online(agent) || credentials_.knows(agent)) return then();
    const bool asked = registry_.find(agent, [this, answer, agent, then](bool ok, const auto& found) {
        core_.strand.run([&]() UNDER_LOCK {
            if (!ok) return answer(not_read(core_.config.database));
            if (found)
                then();
            else
                answer(no_agent(agent));
        });
    });
    if (!asked) answer(busy_answer());
}

void Calls::with_online(const Exchange& exchange, const std::string& agent, const std::function<void()>& then)
{
    if (fanout_.online(agent)) return then();
    with_known(exchange, agent, [exchange, agent]() UNDER_LOCK {
        exchange.refuse(503, "AGENT_OFFLINE", "Agent " + agent + " is not connected");
    });
}

void Calls::with_body(const Exchange& exchange, const Head& head, const std::string& example,
                      std::function<void(const std::string&)> then)
{
    if (head.length.value_or(0) > max_body)
        return exchange.refuse(413, "TOO_LARGE", "A command is at most 512 KiB");
    if (!head.has_body())
        return exchange.refuse(400, "INVALID_REQUEST", "The body is missing; send " + example);
    exchange.receive(max_body, std::move(then));
}

TaskRecord Calls::make(std::string agent, std::string action, std::string params) const
{
    return {.id = Commands::new_id(),
            .agent = std::move(agent),
            .action = std::move(action),
            .params = std::move(params),
            .expires = core_.utc() + core_.config.task_ttl.count()};
}

void Calls::run(const Exchange& exchange, TaskRecord task, double wait_s, Form form)
{
    const std::string id = task.id;
    const auto timer = std::make_shared<Timers::Id>();
    if (const std::string wrong = commands_.check(task); !wrong.empty())
        return exchange.refuse(400, "INVALID_REQUEST", wrong);
    task.caller = exchange.caller();
    std::string why;
    const bool taken = commands_.start(
        std::move(task),
        [this, exchange, timer, write = form.write, ended = form.ended](const TaskRecord& done) UNDER_LOCK {
            core_.timers.cancel(*timer);
            if (ended && ended(done)) return;
            const bool success = done.state == TaskState::success;
            exchange.answer(json_answer(success ? 200 : status_of(done.code), write(done)));
        },
        &why);
    if (!taken) return exchange.busy(why);
    if (commands_.find(id) == nullptr) return; // it has ended already
    const auto leave = [this, id, timer]() UNDER_LOCK {
        core_.timers.cancel(*timer);
        commands_.forget(id);
    };
    if (wait_s == 0) {
        leave();
        return accepted(on(exchange), id, form);
    }
    exchange.on_closed(leave);
    exchange.on_drain([this, exchange, id, leave, form]() UNDER_LOCK {
        leave();
        accepted(on(exchange), id, form);
    });
    const auto wait = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>{wait_s});
    *timer = core_.after(wait, [this, exchange, id, form = std::move(form)]() UNDER_LOCK {
        commands_.forget(id);
        exchange.on_drain({});
        accepted(on(exchange), id, form);
    });
}

void Calls::enqueue(const Exchange& exchange, TaskRecord task, const Form& form)
{
    task.caller = exchange.caller();
    enqueue(on(exchange), std::move(task), form);
}

void Calls::enqueue(const Answering& answer, TaskRecord task, const Form& form)
{
    const std::string id = task.id;
    if (const std::string wrong = commands_.check(task); !wrong.empty())
        return answer(error_answer(400, "INVALID_REQUEST", wrong));
    std::string why;
    if (!commands_.start(std::move(task), {}, &why)) return answer(busy_answer(why));
    if (commands_.find(id) != nullptr) return accepted(answer, id, form);
    find(answer, id, [answer, form](const TaskRecord& ended) UNDER_LOCK { // the protocol cannot carry it
        answer(json_answer(status_of(ended.code), form.write(ended)));
    });
}

// Answers 202 once the task is on disk, so that it can be queried by its id even after a restart.
void Calls::accepted(const Answering& answer, const std::string& id, const Form& form)
{
    const TaskRecord* task = commands_.find(id);
    if (task == nullptr) return;
    const std::string body = form.write(*task);
    const bool saving = table_.save(*task, [this, answer, url = form.location + id, body](bool saved) {
        core_.strand.run([&]() UNDER_LOCK {
            Answer done = saved ? json_answer(202, body)
                                : not_saved(core_.config.database, "The hub could not save the task");
            if (saved) done.headers.emplace_back("location", url);
            answer(std::move(done));
        });
    });
    if (!saving) answer(busy_answer());
}

void Calls::find(const Exchange& exchange, const std::string& id, std::function<void(const TaskRecord&)> then)
{
    find(on(exchange), id, std::move(then));
}

void Calls::find(const Answering& answer, const std::string& id, std::function<void(const TaskRecord&)> then)
{
    if (const TaskRecord* open = commands_.find(id)) return then(*open);
    const auto found = [this, answer, id, then = std::move(then)](bool ok, const auto& row) {
        core_.strand.run([&]() UNDER_LOCK {
            if (!ok) return answer(not_read(core_.config.database));
            if (row) return then(*row);
            answer(no_task(id));
        });
    };
    if (!table_.find(id, found)) answer(busy_answer());
}

} // namespace agenthost::hub
