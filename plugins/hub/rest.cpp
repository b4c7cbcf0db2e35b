#include "rest.hpp"

#include "wire/json.hpp"

#include <agenthost/json.hpp>

#include <charconv>
#include <cmath>

namespace agenthost::hub {

namespace {

constexpr std::size_t page = 100, largest_page = 500;
constexpr double default_wait_s = 30, longest_wait_s = 3600;

struct CommandBody {
    std::string action, params = "{}";
    double timeout = default_wait_s;
};

// Empty: it is one. Else what is wrong with it.
std::string parse_command(const std::string& text, CommandBody& out)
{
    namespace json = wire::json;
    std::string why;
    const auto members = json::split(text, why);
    if (!members) return "the body is not a JSON object: " + why;
    for (const json::Member& m : *members) {
        if (m.key == "action") {
            if (m.kind != json::Kind::string || m.text.empty() || m.text.size() > 128)
                return "\"action\" is not a name of 1 to 128 characters";
            out.action = m.text;
        } else if (m.key == "params") {
            if (m.kind != json::Kind::object) return "\"params\" is not an object";
            out.params = m.raw;
        } else if (m.key == "timeout") {
            const auto [end, bad] = std::from_chars(m.raw.data(), m.raw.data() + m.raw.size(), out.timeout);
            if (m.kind != json::Kind::number || bad != std::errc{} || !(out.timeout >= 0) ||
                out.timeout > longest_wait_s) {
                return "\"timeout\" is not a number of seconds from 0 to 3600";
            }
        } else {
            return "unknown key \"" + std::string{m.key.substr(0, 64)} +
                   "\"; a command has action, params and timeout";
        }
    }
    if (out.action.empty()) return "\"action\" is missing";
    if (out.action == "auth" || out.action == "response")
        return "\"" + out.action + "\" is a word of the protocol itself, not an action";
    const auto params = json::split(out.params, why);
    if (!params) return "\"params\": " + why;
    for (const json::Member& m : *params) {
        if (m.key == "action" || m.key == "request_id")
            return "\"params\" may not hold \"" + std::string{m.key} + "\": the protocol has it beside them";
    }
    return {};
}

} // namespace

std::string task_json(const TaskRecord& t)
{
    std::string out = "{\"id\":" + json_string(t.id) + ",\"agent\":" + json_string(t.agent) +
                      ",\"action\":" + json_string(t.action) + ",\"status\":\"" + std::string{word(t.state)} +
                      "\",\"sent\":" + std::to_string(t.sent) + ",\"created\":" + std::to_string(t.created) +
                      ",\"updated\":" + std::to_string(t.updated) +
                      ",\"expires\":" + std::to_string(t.expires);
    if (!t.data.empty()) out += ",\"data\":" + t.data;
    if (!t.code.empty()) {
        out += ",\"error\":{\"code\":" + json_string(t.code) + ",\"message\":" + json_string(t.message);
        if (!t.detail.empty()) out += ",\"detail\":" + json_string(t.detail);
        out += "}";
    }
    return out + "}";
}

bool Rest::may(const Head& head) const
{
    const std::string_view value = head.header("authorization");
    constexpr std::string_view scheme = "bearer ";
    if (value.size() <= scheme.size()) return false;
    for (std::size_t i = 0; i < scheme.size(); ++i) {
        if ((value[i] | 0x20) != (scheme[i] | 0x20)) return false;
    }
    return credentials_.caller_may(value.substr(scheme.size()));
}

void Rest::busy(Conn conn)
{
    Answer answer = error_answer(503, "BUSY", "The hub has too much to do; try again later");
    answer.headers.emplace_back("retry-after", "1");
    core_.answer(conn, std::move(answer));
}

void Rest::request(Conn conn, const Head& head)
{
    if (core_.draining) return core_.answer(conn, error_answer(503, "BUSY", "The hub is going down"));
    const Match found = match(head.method, head.path);
    if (found.route == Route::temp_upload)
        return files_.temp_upload(conn, head, found.arguments[0]); // the URL is the credential
    if (found.route == Route::temp_download) return files_.temp_download(conn, head, found.arguments[0]);
    if (!may(head)) {
        core_.host.record(Metric::auth_failures, 1);
        Answer answer = error_answer(
            401, "AUTH_FAILED", "A valid bearer token is needed; mint one with: agenthost hub token new");
        answer.headers.emplace_back("www-authenticate", "Bearer");
        return core_.answer(conn, std::move(answer));
    }
    if (found.route == Route::none)
        return core_.answer(conn, error_answer(404, "NOT_FOUND", "No such route; see the hub's README"));
    if (found.route == Route::not_allowed) {
        Answer answer = error_answer(405, "METHOD_NOT_ALLOWED", "This route knows " + found.allow);
        answer.headers.emplace_back("allow", found.allow);
        return core_.answer(conn, std::move(answer));
    }
    if (found.route == Route::agents) return agents(conn, head);
    std::string id{found.arguments[0]};
    if (!valid_id(id))
        return core_.answer(conn,
                            error_answer(400, "INVALID_REQUEST",
                                         "The id is longer than 128 bytes or holds control characters"));
    if (found.route == Route::agent) return agent(conn, std::move(id));
    if (found.route == Route::task) return task(conn, std::move(id));
    if (found.route == Route::command) {
        return with_online(conn, id, [&] { command(conn, head, id); });
    }
    std::string file{found.arguments[1]};
    if (!valid_id(file, 255))
        return core_.answer(conn,
                            error_answer(400, "INVALID_REQUEST",
                                         "The file id is longer than 255 bytes or holds control characters"));
    with_online(conn, id, [&] {
        if (found.route == Route::file_put)
            files_.put(conn, head, id, file);
        else if (found.route == Route::file_get)
            files_.get(conn, head, id, file);
        else
            files_.remove(conn, id, file);
    });
}

void Rest::with_online(Conn conn, const std::string& agent, const std::function<void()>& then)
{
    if (sessions_.online(agent)) return then();
    const auto away = [this, conn, agent] {
        core_.answer(conn, error_answer(503, "AGENT_OFFLINE", "Agent " + agent + " is not connected"));
    };
    if (credentials_.knows(agent)) return away();
    const bool asked =
        registry_.find(agent, [this, conn, agent, away](const std::optional<AgentRecord>& found) {
            core_.enter([&] {
                if (found)
                    away();
                else
                    core_.answer(conn, error_answer(404, "AGENT_NOT_FOUND", "There is no agent " + agent));
            });
        });
    if (!asked) busy(conn);
}

std::string Rest::agent_json(const AgentRecord& row) const
{
    const AgentRecord* live = sessions_.find(row.id);
    const AgentRecord& a = live != nullptr ? *live : row;
    std::string out = "{\"id\":" + json_string(row.id) + ",\"status\":\"" +
                      (live != nullptr ? "online" : "offline") + "\",\"protocol\":" + json_string(a.protocol);
    if (!a.name.empty()) out += ",\"name\":" + json_string(a.name);
    if (!a.version.empty()) out += ",\"version\":" + json_string(a.version);
    if (row.first_seen != 0) {
        out += ",\"first_seen\":" + std::to_string(row.first_seen) +
               ",\"last_seen\":" + std::to_string(live != nullptr ? core_.utc() : row.last_seen);
    }
    return out + ",\"open_tasks\":" + std::to_string(commands_.open(row.id)) + "}";
}

void Rest::agents(Conn conn, const Head& head)
{
    std::size_t limit = page;
    if (const auto text = query_value(head.query, "limit")) {
        const auto [end, bad] = std::from_chars(text->data(), text->data() + text->size(), limit);
        if (bad != std::errc{} || end != text->data() + text->size() || limit == 0 || limit > largest_page) {
            return core_.answer(conn,
                                error_answer(400, "INVALID_REQUEST", "\"limit\" is a number from 1 to 500"));
        }
    }
    const bool asked = registry_.list(
        {.after = query_value(head.query, "after").value_or(""), .most = limit + 1},
        [this, conn, limit](const std::vector<AgentRecord>& rows) {
            core_.enter([&] {
                std::string list, next = "null";
                for (std::size_t i = 0; i < rows.size() && i < limit; ++i)
                    list += (i == 0 ? "" : ",") + agent_json(rows[i]);
                if (rows.size() > limit) next = json_string(rows[limit - 1].id);
                core_.answer(conn, json_answer(200, "{\"agents\":[" + list + "],\"next\":" + next + "}"));
            });
        });
    if (!asked) busy(conn);
}

void Rest::agent(Conn conn, std::string id)
{
    const bool asked = registry_.find(id, [this, conn, id](const std::optional<AgentRecord>& found) {
        core_.enter([&] {
            if (found)
                core_.answer(conn, json_answer(200, agent_json(*found)));
            else if (credentials_.knows(id))
                core_.answer(
                    conn,
                    json_answer(200, agent_json({.id = id, .protocol = "storage"}))); // has never been here
            else
                core_.answer(conn, error_answer(404, "AGENT_NOT_FOUND", "There is no agent " + id));
        });
    });
    if (!asked) busy(conn);
}

void Rest::command(Conn conn, const Head& head, std::string agent)
{
    if (head.length.value_or(0) > most_body) {
        return core_.answer(conn, error_answer(413, "TOO_LARGE", "A command is at most 512 KiB"));
    }
    if (!head.has_body())
        return core_.answer(conn, error_answer(400, "INVALID_REQUEST",
                                               "The body is missing; send {\"action\":\"storage.info\"}"));
    core_.exchanges[conn].on_body = [this, conn, agent = std::move(agent)](const BodyEnd& end) {
        if (end.status == AGH_OK) run_command(conn, agent, end.data);
    };
    core_.outbox.push_back([this, conn] { core_.host.receive(conn, nullptr, most_body); });
}

void Rest::run_command(Conn conn, std::string agent, const std::string& body)
{
    CommandBody command;
    if (const std::string wrong = parse_command(body, command); !wrong.empty()) {
        return core_.answer(conn, error_answer(400, "INVALID_REQUEST", wrong));
    }
    const std::string id = Commands::new_id();
    TaskRecord task{.id = id,
                    .agent = std::move(agent),
                    .action = std::move(command.action),
                    .params = std::move(command.params),
                    .expires = core_.utc() + core_.config.task_ttl.count()};
    const auto timer = std::make_shared<Timers::Id>();
    const bool taken = commands_.start(std::move(task), [this, conn, timer](const TaskRecord& done) {
        core_.timers.cancel(*timer);
        if (const auto it = core_.exchanges.find(conn); it != core_.exchanges.end()) it->second.on_drain = {};
        const bool success = done.state == TaskState::success;
        core_.answer(conn, json_answer(success ? 200 : status_of(done.code), task_json(done)));
    });
    if (!taken) return busy(conn);
    if (commands_.find(id) == nullptr) return; // it has ended already
    const auto leave = [this, id, timer] {
        core_.timers.cancel(*timer);
        commands_.forget(id);
    };
    if (command.timeout == 0) {
        leave();
        return accepted(conn, id);
    }
    Core::Exchange& exchange = core_.exchanges[conn];
    exchange.on_closed = leave;
    exchange.on_drain = [this, conn, id, leave] {
        leave();
        accepted(conn, id);
    };
    const auto wait = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>{command.timeout});
    *timer = core_.timers.at(core_.now() + wait, [this, conn, id] {
        commands_.forget(id);
        if (const auto it = core_.exchanges.find(conn); it != core_.exchanges.end()) it->second.on_drain = {};
        accepted(conn, id);
    });
}

// 202 once the task is on disk: whoever has its id can ask for it, also after a restart.
void Rest::accepted(Conn conn, const std::string& id)
{
    const TaskRecord* task = commands_.find(id);
    if (task == nullptr) return;
    const std::string body = task_json(*task);
    const bool saving = table_.save(*task, [this, conn, id, body](bool saved) {
        core_.enter([&] {
            Answer answer = saved ? json_answer(202, body)
                                  : error_answer(507, "DISK_FULL", "The hub could not save the task");
            if (saved) answer.headers.emplace_back("location", "/api/tasks/" + id);
            core_.answer(conn, std::move(answer));
        });
    });
    if (!saving) busy(conn);
}

void Rest::task(Conn conn, std::string id)
{
    if (const TaskRecord* open = commands_.find(id))
        return core_.answer(conn, json_answer(200, task_json(*open)));
    const bool asked = table_.find(id, [this, conn, id](const std::optional<TaskRecord>& found) {
        core_.enter([&] {
            if (found)
                core_.answer(conn, json_answer(200, task_json(*found)));
            else
                core_.answer(conn, error_answer(404, "TASK_NOT_FOUND",
                                                "There is no task " + id + ", or it has expired"));
        });
    });
    if (!asked) busy(conn);
}

} // namespace agenthost::hub
