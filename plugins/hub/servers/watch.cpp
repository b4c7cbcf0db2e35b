#include "watch.hpp"

#include "actions.hpp"

#include "plugins/hub/store/machine_report.hpp"

#include "base/json_writer.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace agenthost::hub {

namespace {

constexpr std::size_t max_capabilities = 16U << 10;

template <class Value> void prefer(std::optional<Value>& to, const std::optional<Value>& from)
{
    if (from) to = from;
}

std::int64_t stored(const auto& limit) { return limit ? static_cast<std::int64_t>(*limit) : -1; }

// Whether a task that failed may have been carried out.
bool perhaps_done(const TaskRecord& task)
{
    if (task.sent == 0) return false;
    if (task.state == TaskState::failed) return true;
    constexpr std::array<std::string_view, 4> unclear{"TIMEOUT", "COMMAND_TIMEOUT", "INTERRUPTED",
                                                      "INTERNAL"};
    return task.data.find("\"unknown\"") != std::string::npos ||
           std::find(unclear.begin(), unclear.end(), task.code) != unclear.end();
}

} // namespace

void ServerWatch::restore(std::vector<ServerRow> rows)
{
    for (ServerRow& row : rows) {
        ServerRecord* server = book_.edit(row.agent, row.id);
        if (server == nullptr) continue;
        server->name = std::move(row.name);
        server->image = std::move(row.image);
        server->desired = row.desired;
        if (row.memory >= 0) server->limits.memory = static_cast<std::uint64_t>(row.memory);
        if (row.disk >= 0) server->limits.disk = static_cast<std::uint64_t>(row.disk);
        if (row.milli_cpus >= 0) server->limits.milli_cpus = static_cast<std::uint32_t>(row.milli_cpus);
    }
}

// ---- agents ----

ServerWatch::Agent& ServerWatch::agent(std::string_view id)
{
    const auto at = agents_.find(id);
    return at != agents_.end() ? at->second : agents_[std::string{id}];
}

void ServerWatch::ready(const AgentRecord& record)
{
    Agent& known = agent(record.id);
    known.never = known.asking = known.ask_again = false;
    known.ids.clear();
    if (read_capabilities(record.capabilities).servers || !book_.of(record.id).empty()) known.serves = true;
    if (known.serves) return offers(record.id, known);
    if (record.protocol != "panel") return;
    // What it said when it registered or later, perhaps to an earlier process.
    reports_.find({record.id}, [this, id = record.id](bool, const std::vector<Report>& reports) {
        core_.strand.run([&]() UNDER_LOCK {
            const std::string machine = machine_of(reports);
            if (machine.empty() || !fanout_.online(id)) return;
            const Capabilities said = read_capabilities(machine);
            Agent& there = agent(id);
            there.told = said.capacity;
            if (said.servers) offers(id, there);
        });
    });
}

void ServerWatch::lost(std::string_view id)
{
    const auto at = agents_.find(id);
    if (at == agents_.end()) return;
    core_.timers.cancel(at->second.next);
    agents_.erase(at);
}

void ServerWatch::registered(const std::string& id, std::string_view capabilities)
{
    save(id, machine_report::registration, capabilities);
}

void ServerWatch::save(const std::string& id, const char* kind, std::string_view capabilities)
{
    if (capabilities.empty() || capabilities.size() > max_capabilities || capabilities.front() != '{') return;
    std::vector<Report> report;
    report.push_back({id, kind, core_.utc(), std::string{capabilities}});
    reports_.save(std::move(report));
}

void ServerWatch::changed(const std::string& id, std::string_view capabilities)
{
    save(id, machine_report::changed, capabilities);
    const Capabilities said = read_capabilities(capabilities);
    Agent& known = agent(id);
    known.told = said.capacity;
    if (said.servers) offers(id, known);
}

void ServerWatch::engine_changed(const std::string& id, std::string_view data)
{
    const auto away = read_engine_away(data);
    const auto at = agents_.find(id);
    if (!away || at == agents_.end()) return;
    Agent& known = at->second;
    // The engine may have been why its last heartbeat was degraded; the next one decides.
    if (!*away) known.report.status.clear();
    known.engine_away = *away;
    known.ask_again = known.asking;
    offers(id, known);
}

void ServerWatch::heartbeat(std::string_view id, std::string_view facts)
{
    if (const auto at = agents_.find(id); at != agents_.end()) at->second.report = read_heartbeat(facts);
}

void ServerWatch::offers(const std::string& id, Agent& known)
{
    known.serves = true;
    if (!known.never) ask_in(id, known, list_soon);
}

// ---- lists ----

void ServerWatch::ask_in(const std::string& id, Agent& known, Timers::Time::duration time)
{
    if (known.asking) return; // its answer sets the next one
    core_.timers.cancel(known.next);
    known.next = core_.after(time, [this, id]() UNDER_LOCK {
        if (!fanout_.online(id)) return;
        Agent& there = agent(id);
        if (std::exchange(there.asking, true)) return;
        there.ids.clear();
        ask(id, {});
    });
}

void ServerWatch::ask(const std::string& id, const std::string& after)
{
    const std::string params =
        after.empty() ? base::json_object("limit", page) : base::json_object("limit", page, "after", after);
    requests_.ask(id, server_action::list, params,
                  [this, id](const Requests::Answer& answer) UNDER_LOCK { answered(id, answer); });
}

void ServerWatch::answered(const std::string& id, const Requests::Answer& answer)
{
    const auto at = agents_.find(id);
    if (at == agents_.end()) return;
    Agent& known = at->second;
    const auto list = answer.ok ? read_list(answer.data) : std::nullopt;
    if (!list) {
        known.asking = false;
        // It does not know the question, or does not answer it: it is not asked again in this session.
        known.never = answer.ok || answer.code == "UNKNOWN_ACTION" || answer.code == "TIMEOUT" ||
                      answer.code == "INVALID_REQUEST";
        if (!known.never) ask_in(id, known, std::exchange(known.ask_again, false) ? list_soon : list_every);
        return;
    }
    apply(id, *list);
    learn(known, *list);
    for (const ServerRecord& server : list->servers) known.ids.push_back(server.id);
    if (!list->next.empty() && !list->servers.empty() && known.ids.size() < ServerBook::max_of_agent)
        return ask(id, list->next);
    known.asking = false;
    prune(id, std::exchange(known.ids, {}));
    ask_in(id, known, std::exchange(known.ask_again, false) ? list_soon : list_every);
}

void ServerWatch::apply(const std::string& id, const ServerList& list)
{
    const std::int64_t now = core_.utc();
    for (const ServerRecord& found : list.servers) {
        ServerRecord* server = book_.edit(id, found.id);
        if (server == nullptr) continue;
        if (server->status != found.status && !found.status.empty()) {
            server->changed = now;
            if (ends_fault(found.status)) server->fault = {};
            server->status = found.status;
        }
        server->action = found.action;
        if (!found.name.empty()) server->name = found.name;
        if (!found.image.empty()) server->image = found.image;
        if (!found.container_id.empty()) server->container_id = found.container_id;
        prefer(server->limits.memory, found.limits.memory);
        prefer(server->limits.disk, found.limits.disk);
        prefer(server->limits.milli_cpus, found.limits.milli_cpus);
        if (!found.ports.empty()) server->ports = found.ports;
        if (found.usage.cpu || found.usage.memory) {
            server->usage = found.usage;
            server->usage.at = now;
        }
        if (!found.fault.code.empty()) server->fault = found.fault;
        server->seen = now;
        on_status_(id, server->id);
    }
}

void ServerWatch::learn(Agent& known, const ServerList& list)
{
    known.listed = list.capacity;
    known.used = list.used;
    if (!known.ask_again) known.engine_away = list.engine_away;
}

// Servers that the agent no longer has.
void ServerWatch::prune(const std::string& id, const std::vector<std::string>& there)
{
    const std::set<std::string_view> listed{there.begin(), there.end()};
    std::vector<std::string> gone;
    for (const auto& [server, record] : book_.of(id))
        if (!listed.contains(server) && record.creating.empty()) gone.push_back(server);
    for (const std::string& server : gone) forget(id, server);
}

// ---- events ----

void ServerWatch::event(std::string_view id, const wire::Event& event)
{
    if (short_topic(event.topic) == "capabilities_changed") return changed(std::string{id}, event.json);
    if (short_topic(event.topic) == "engine_changed") return engine_changed(std::string{id}, event.json);
    if (event.target.empty() || !valid_id(event.target) || !is_server_topic(event.topic)) return;
    if (short_topic(event.topic) == "server_deleted")
        return forget(std::string{id}, std::string{event.target});
    ServerRecord* server = book_.find(id, event.target);
    if (server == nullptr) {
        server = book_.edit(id, event.target);
        if (server == nullptr) return;
        offers(std::string{id}, agent(id));
    }
    if (read_event(event.topic, event.json, core_.utc(), *server)) on_status_(id, event.target);
}

// ---- commands ----

void ServerWatch::began(const TaskRecord& task)
{
    if (server_verb(task.action) != "create_server") return;
    std::string ignored;
    const auto needs = read_needs(task.params, ignored);
    const std::string id = named_server(task);
    if (!needs || !valid_id(id) || book_.find(task.agent, id) != nullptr) return;
    ServerRecord* server = book_.edit(task.agent, id);
    if (server == nullptr) return;
    server->creating = task.id;
    server->name = needs->name;
    server->image = needs->image;
    server->limits = needs->limits;
    server->ports = needs->ports;
    server->changed = core_.utc();
}

void ServerWatch::ended(const TaskRecord& task)
{
    const std::string_view verb = server_verb(task.action);
    const bool success = task.state == TaskState::success;
    if (verb == "list_servers" && success) {
        // This may be one page that a caller asked for: other servers may still exist.
        if (const auto list = read_list(task.data)) {
            apply(task.agent, *list);
            if (!fanout_.online(task.agent)) return;
            learn(agent(task.agent), *list);
            offers(task.agent, agent(task.agent));
        }
        return;
    }
    if (!verb.ends_with("_server") && verb != "get_status") return;
    const std::string id = named_server(task);
    if (!valid_id(id)) return;
    if (verb == "create_server") return success ? created(task, id) : not_created(task, id);
    if (!success) {
        if (task.code == "SERVER_NOT_FOUND") forget(task.agent, id);
        return;
    }
    if (verb == "delete_server") return forget(task.agent, id);
    ServerRecord* server = book_.edit(task.agent, id);
    if (server == nullptr) return;
    read_answer(task, *server);
    if (verb == "start_server" || verb == "restart_server") want(*server, DesiredState::running);
    if (verb != "stop_server" && verb != "kill_server") return;
    want(*server, DesiredState::stopped);
    // A caller may wait for the start after an installation that has ended.
    if (server->status == "offline") on_status_(task.agent, id);
}

// An answer that says what has begun may be slower than the events that say how it went on.
void ServerWatch::read_answer(const TaskRecord& task, ServerRecord& server)
{
    const bool begins = server_verb(task.action) != "get_status";
    if (begins && server.told >= task.created) return;
    read_status(task.data, core_.utc(), server);
    if (!begins) on_status_(task.agent, server.id);
}

void ServerWatch::created(const TaskRecord& task, const std::string& id)
{
    ServerRecord* server = book_.edit(task.agent, id);
    if (server == nullptr) return;
    if (server->creating == task.id) server->creating.clear();
    read_answer(task, *server);
    want(*server, starts_at_once(task) ? DesiredState::running : DesiredState::stopped);
    if (fanout_.online(task.agent)) offers(task.agent, agent(task.agent));
}

void ServerWatch::not_created(const TaskRecord& task, const std::string& id)
{
    ServerRecord* server = book_.find(task.agent, id);
    if (server == nullptr || server->creating != task.id) return;
    server->creating.clear();
    if (!perhaps_done(task)) book_.erase(task.agent, id);
    // Its next list of servers decides.
    if (task.sent > 0 && fanout_.online(task.agent)) offers(task.agent, agent(task.agent));
}

void ServerWatch::want(ServerRecord& server, DesiredState desired)
{
    server.desired = desired;
    const std::int64_t now = core_.utc();
    const bool saving = table_.save({.agent = server.agent,
                                     .id = server.id,
                                     .name = server.name,
                                     .image = server.image,
                                     .desired = desired,
                                     .memory = stored(server.limits.memory),
                                     .disk = stored(server.limits.disk),
                                     .milli_cpus = stored(server.limits.milli_cpus),
                                     .created = now,
                                     .updated = now});
    if (!saving)
        core_.log(AGH_LOG_WARN, "hub: the database queue is full; what server " + server.id + " of agent " +
                                    server.agent + " should do was not saved");
}

void ServerWatch::forget(const std::string& id, const std::string& server)
{
    const ServerRecord* there = book_.find(id, server);
    if (there == nullptr) return;
    if (there->desired != DesiredState::none) table_.remove(id, server);
    book_.erase(id, server);
    on_status_(id, server);
}

// ---- queries ----

ServerBook::View ServerWatch::view(std::function<bool(std::string_view)> sees) const
{
    return {.sees = std::move(sees),
            .online = [this](std::string_view id) UNDER_LOCK { return fanout_.online(id); },
            .now = core_.utc()};
}

Node ServerWatch::node(const std::string& id) const
{
    const Agent& known = agents_.find(id)->second;
    Node out{.agent = id, .online = fanout_.online(id), .serves = known.serves};
    out.capacity = known.told;
    prefer(out.capacity.memory, known.listed.memory);
    prefer(out.capacity.disk, known.listed.disk);
    prefer(out.capacity.disk_free, known.listed.disk_free);
    prefer(out.capacity.milli_cpus, known.listed.milli_cpus);
    prefer(out.capacity.images, known.listed.images);
    if (!known.listed.ports.empty()) out.capacity.ports = known.listed.ports;
    out.load = known.report.load;
    out.used = known.used;
    const std::string& status = known.report.status;
    if (known.engine_away) out.degraded = "its container engine does not answer";
    if (status == "degraded" || status == "error") out.degraded = "its heartbeat says " + status;
    if (fanout_.conflict(id) != nullptr) out.degraded = "two machines use its identity";
    for (const auto& [server, record] : book_.of(id)) {
        ++out.servers;
        out.memory += record.limits.memory.value_or(0);
        out.disk += record.limits.disk.value_or(0);
        out.milli_cpus += record.limits.milli_cpus.value_or(0);
        for (const HostPort& port : record.ports) out.used.push_back({port, server});
    }
    return out;
}

std::vector<Node> ServerWatch::nodes() const
{
    std::vector<Node> out;
    for (const auto& [id, known] : agents_)
        if (fanout_.online(id)) out.push_back(node(id));
    std::sort(out.begin(), out.end(), [](const Node& a, const Node& b) { return a.agent < b.agent; });
    return out;
}

} // namespace agenthost::hub
