#include "sender.hpp"

#include "wire/protocol_traits.hpp"

#include <cstdint>
#include <utility>

namespace agenthost::hub {

namespace {
// on_writable usually comes first; this covers the case that it came before our BUSY.
constexpr auto blocked_for = std::chrono::milliseconds{200};
// An agent that does not repeat ids gets one command at a time. Deployed agents do not answer unknown
// commands.
constexpr auto unanswered_timeout = std::chrono::seconds{60};
// As the store, which retries by itself.
constexpr auto disk_retry_delay = std::chrono::milliseconds{1'000};

// Explains why a command cannot be sent to an agent at all.
UNDER_LOCK std::string unspeakable(Fanout& fanout, const std::string& agent, const TaskRecord& task)
{
    const auto session = fanout.find(agent);
    return "Agent " + agent + " speaks " + (session ? session->protocol : std::string{"a protocol"}) +
           ", which cannot carry this command with " + (task.target.empty() ? "these params" : "a target");
}

} // namespace

// The name of this action in the agent's protocol; the action itself if the agent is not connected.
std::string_view CommandSender::protocol_name(std::string_view agent, std::string_view action) const
{
    const AgentRecord* there = fanout_.find(agent);
    return there == nullptr ? action : core_.config.action_words.word(there->protocol, action);
}

// ---- sending ----

void CommandSender::pump(std::string_view name)
{
    Tasks& tasks = open_.tasks();
    if (!tasks.has_pending(name)) return record_open();
    const std::string agent{name}; // the name's owner may be destroyed meanwhile
    std::vector<TaskRecord> dead;
    Tasks::Held held;
    if (unanswered_.one_by_one(agent)) {
        unanswered_.expire(agent, core_.now());
        held = [&](const TaskRecord& task) UNDER_LOCK {
            return unanswered_.holds(agent, protocol_name(agent, task.action), task.id);
        };
    }
    while (!blocked_.contains(agent) && fanout_.online(agent)) {
        const std::size_t window = unanswered_.one_by_one(agent) ? 1 : SIZE_MAX;
        const TaskRecord* task = tasks.next(agent, core_.utc(), dead, window, held);
        if (task == nullptr) break;
        if (!redispatch_.contains(agent))
            send(*task, dead);
        else if (!mark(*task))
            break;
    }
    for (const TaskRecord& task : dead) open_.end(task);
    record_open();
}

void CommandSender::record_open()
{
    const std::size_t open = open_.tasks().size();
    if (std::exchange(recorded_, open) != open) core_.host.record(Metric::open_tasks, double(open));
}

void CommandSender::send(const TaskRecord& task, std::vector<TaskRecord>& dead)
{
    if (task.sent > 1) core_.host.record(Metric::resent, 1);
    const std::string agent = task.agent, id = task.id;
    const bool one_by_one = unanswered_.one_by_one(agent);
    switch (fanout_.send(agent, {.id = id,
                                 .action = task.action,
                                 .params = task.params,
                                 .target = task.target,
                                 .timeout = {},
                                 .exact = core_.config.action_words.is_run(task.action)})) {
    case Fanout::Sent::taken:
        if (!one_by_one) return;
        unanswered_.sent(agent, protocol_name(agent, task.action), id);
        return watch_answer(agent, id, task.sent);
    case Fanout::Sent::gone: return open_.tasks().not_sent(id);
    case Fanout::Sent::unspeakable:
        if (const auto failed =
                open_.tasks().fail(id, "INVALID_REQUEST", unspeakable(fanout_, agent, task), core_.utc()))
            dead.push_back(*failed);
    }
}

bool CommandSender::mark(const TaskRecord& task)
{
    const std::string id = task.id, agent = task.agent;
    open_.tasks().edit(id)->no_resend = task.sent > redispatch_.at(agent);
    const std::uint64_t attempt = marks_.begin(id);
    if (table_.save(task, [this, id, attempt](bool ok) {
            core_.strand.run([&]() UNDER_LOCK { marked(id, attempt, ok); });
        }))
        return true;
    marks_.cancel(id);
    open_.tasks().not_sent(id);
    block(agent, disk_retry_delay);
    return false;
}

void CommandSender::marked(const std::string& id, std::uint64_t attempt, bool ok)
{
    if (!marks_.settle(id, attempt)) return; // its agent disconnected meanwhile
    const TaskRecord* task = open_.tasks().find(id);
    if (task == nullptr) return; // it has ended
    const std::string agent = task->agent;
    if (!ok || blocked_.contains(agent)) {
        open_.tasks().not_sent(id);
        open_.save(id); // with an older number: the last mark is written last
        if (!ok) block(agent, disk_retry_delay);
        return;
    }
    std::vector<TaskRecord> dead;
    send(*task, dead);
    for (const TaskRecord& failed : dead) open_.end(failed);
    if (!dead.empty()) pump(agent); // its place is free
}

void CommandSender::block(const std::string& agent, std::chrono::milliseconds time)
{
    if (!blocked_.insert(agent).second) return;
    core_.after(time, [this, agent]() UNDER_LOCK { writable(agent); });
}

void CommandSender::writable(std::string_view agent)
{
    if (blocked_.erase(std::string{agent}) > 0) pump(agent);
}

void CommandSender::not_taken(const std::string& agent, std::string_view id)
{
    open_.tasks().not_sent(id);
    unanswered_.not_sent(agent, id);
    if (redispatch_.contains(agent)) open_.save(id); // its row recorded it as sent
    block(agent, blocked_for);
}

// ---- sessions ----

void CommandSender::connected(const AgentRecord& agent)
{
    const wire::ProtocolTraits* row = wire::find_traits(agent.protocol);
    if (row != nullptr && !row->answers_repeat_id) unanswered_.connected(agent.id);
    if (agent.redispatch >= Tasks::resends) return;
    redispatch_[agent.id] = agent.redispatch;
    absence_.go_adrift(open_.tasks().strand(agent.id, agent.redispatch)); // sent by other means
    if (!unanswered_.one_by_one(agent.id)) return;
    bool inherited = false; // from an earlier process of the hub
    for (const TaskRecord* task : open_.tasks().unanswered(agent.id)) {
        if (!task->adrift) continue;
        inherited = true;
        unanswered_.inherited(agent.id, protocol_name(agent.id, task->action), task->id,
                              core_.now() + core_.config.agent_grace);
    }
    if (inherited) release_names_later(agent.id);
}

void CommandSender::disconnected(const std::string& agent)
{
    blocked_.erase(agent);
    if (unanswered_.lost(agent, core_.now() + core_.config.agent_grace)) release_names_later(agent);
    Tasks& tasks = open_.tasks();
    if (!marks_.empty()) { // these were not sent yet, so they are not adrift
        for (const std::string& id : tasks.of(agent)) {
            if (marks_.cancel(id)) tasks.not_sent(id);
        }
    }
    const auto limited = redispatch_.extract(agent);
    if (!limited) return;
    tasks.strand(agent, limited.mapped());
    std::vector<std::string> adrift;
    for (const TaskRecord* task : tasks.unanswered(agent)) {
        if (task->adrift) adrift.push_back(task->id);
    }
    absence_.go_adrift(adrift);
}

// ---- agents that do not repeat ids ----

// Sends such an agent its next command if it does not answer one in time.
void CommandSender::watch_answer(const std::string& agent, const std::string& id, int sent)
{
    core_.after(unanswered_timeout, [this, agent, id, sent]() UNDER_LOCK {
        const TaskRecord* task = open_.tasks().find(id);
        if (task == nullptr || task->sent != sent || !unanswered_.one_by_one(agent) ||
            !open_.tasks().strand(id))
            return;
        core_.log(AGH_LOG_WARN, "hub: agent " + agent + " has not answered " + task->action + " (" + id +
                                    ") within " + std::to_string(unanswered_timeout.count()) +
                                    " s; its next command is sent");
        pump(agent);
    });
}

// Frees the names held for an earlier session after the grace period.
void CommandSender::release_names_later(const std::string& agent)
{
    core_.after(core_.config.agent_grace, [this, agent]() UNDER_LOCK {
        unanswered_.expire(agent, core_.now());
        pump(agent);
    });
}

// An answer without an id belongs to the only unanswered command with its name (unanswered_names.hpp). An
// answer without a name counts only if the command in flight is the only unanswered one.
std::string CommandSender::id_of(std::string_view agent, const wire::Result& result)
{
    if (!result.id.empty()) {
        unanswered_.repeats_ids(agent);
        return std::string{result.id};
    }
    if (!unanswered_.one_by_one(agent))
        return {}; // it repeats ids, so this does not answer its current command
    if (!result.action.empty()) return unanswered_.answered(agent, result.action);
    const std::string id = unanswered_.only(agent);
    const TaskRecord* task = open_.tasks().find(id);
    if (task == nullptr || task->adrift) return {};
    unanswered_.not_sent(agent, id);
    return id;
}

std::string CommandSender::why_unanswered(std::string_view id) const
{
    const TaskRecord* task = open_.tasks().find(id);
    if (task == nullptr || task->sent > 0 || !unanswered_.one_by_one(task->agent) ||
        !unanswered_.holds(task->agent, protocol_name(task->agent, task->action), id))
        return "The agent did not answer in time";
    return "It was not sent: the agent has not answered an earlier " + task->action +
           ", and it does not repeat requestId, so the two answers could not be distinguished. Restart the "
           "agent, or "
           "update it to one that repeats requestId";
}

} // namespace agenthost::hub
