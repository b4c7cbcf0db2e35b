#include "commands.hpp"

#include "command_check.hpp"

#include "base/hash.hpp"
#include "wire/codes.hpp"

#include <algorithm>

namespace agenthost::hub {

namespace {
constexpr auto blocked_for = std::chrono::milliseconds{
    200}; // on_writable usually comes first; this covers the case that it came before our BUSY
// An agent that does not repeat ids gets one command at a time. Deployed agents do not answer unknown
// commands.
constexpr auto lane_patience = std::chrono::seconds{60};
constexpr auto disk_patience = std::chrono::milliseconds{1'000}; // as the store, which retries by itself
constexpr std::string_view outcome_unknown = R"({"outcome":"unknown"})";

// Explains why a command cannot be sent to an agent at all.
UNDER_LOCK std::string unspeakable(Fanout& fanout, const std::string& agent, const TaskRecord& task)
{
    const auto session = fanout.find(agent);
    return "Agent " + agent + " speaks " + (session ? session->protocol : std::string{"a protocol"}) +
           ", which cannot carry this command with " + (task.target.empty() ? "these params" : "a target");
}

} // namespace

Commands::Commands(Core& core, TaskTable& table, Fanout& fanout)
    : core_{core}, table_{table}, fanout_{fanout}, tasks_{{.open = core.config.open_tasks,
                                                           .per_agent = core.config.agent_queue,
                                                           .in_flight = core.config.in_flight,
                                                           .bytes = core.config.open_bytes}}
{}

std::string Commands::new_id() { return "req_" + base::random_token(16); }

void Commands::watch(const TaskRecord& task, Final on_final)
{
    const auto left = std::chrono::milliseconds{std::max<std::int64_t>(0, task.expires - core_.utc())};
    const auto expiry = core_.after(left, [this, id = task.id]() UNDER_LOCK {
        if (const auto dead = tasks_.fail(id, "TIMEOUT", too_late(id), core_.utc())) {
            ended(*dead);
            pump(dead->agent);
        }
    });
    Timers::Id warning{};
    if (task.shop && task.warned == 0) {
        const auto until = task.created + core_.config.task_warning.count() - core_.utc();
        warning = core_.after(std::chrono::milliseconds{std::max<std::int64_t>(0, until)},
                              [this, id = task.id]() UNDER_LOCK { warn(id); });
    }
    watches_.insert_or_assign(task.id, Watch{std::move(on_final), expiry, warning});
}

std::string Commands::too_late(const std::string& id) const
{
    const TaskRecord* task = tasks_.find(id);
    if (task == nullptr || task->sent > 0 || !mute_.contains(task->agent) ||
        !lanes_.holds(task->agent, protocol_name(task->agent, task->action), id))
        return "The agent did not answer in time";
    return "It was not sent: the agent has not answered an earlier " + task->action +
           ", and it does not repeat requestId, so the two answers could not be distinguished. Restart the "
           "agent, or "
           "update it to one that repeats requestId";
}

// Marks a late task, so that a user interface that shows "printing ..." can show the problem.
void Commands::warn(const std::string& id)
{
    TaskRecord* task = tasks_.edit(id);
    if (task == nullptr) return;
    task->warned = core_.utc();
    table_.save(*task);
    core_.log(AGH_LOG_WARN, "hub: task " + id + " (" + task->action + ") of " + task->agent + " is " +
                                std::string{to_string(task->state)} + " and not answered after " +
                                std::to_string(core_.config.task_warning.count() / 1000) +
                                " s. Is the agent connected, the device on and loaded?");
}

std::string Commands::check(TaskRecord& task) const
{
    const AgentRecord* live = fanout_.find(task.agent);
    return check_command(task, live == nullptr ? std::nullopt : wire::protocol(live->protocol),
                         core_.config.words);
}

bool Commands::start(TaskRecord task, Final on_final, std::string* why)
{
    if (std::string wrong = check(task); !wrong.empty()) {
        if (why != nullptr) *why = std::move(wrong);
        return false;
    }
    const std::string agent = task.agent;
    task.created = task.updated = core_.utc();
    if (!tasks_.add(task, why)) return false;
    if (!table_.save(task)) {
        if (why != nullptr) *why = "Too many tasks wait for the hub's disk; try again later";
        tasks_.fail(task.id, {}, {}, 0);
        return false;
    }
    watch(task, std::move(on_final));
    if (on_began_) on_began_(task);
    if (fanout_.online(agent))
        pump(agent);
    else
        watch_absence(agent); // it disconnected while a caller's body was arriving
    return true;
}

bool Commands::cancel(std::string_view id)
{
    const TaskRecord* task = tasks_.find(id);
    if (task == nullptr || task->sent > 0) return false;
    if (const auto dead = tasks_.fail(id, "CANCELLED", "Interrupted before it was sent", core_.utc()))
        ended(*dead);
    return true;
}

std::optional<TaskRecord> Commands::abandon(std::string_view id, std::string_view why)
{
    const auto dead = tasks_.fail(id, "CANCELLED", why, core_.utc());
    if (dead == nullptr) return std::nullopt;
    const TaskRecord task = *dead;
    ended(task);
    pump(task.agent); // its place is free
    return task;
}

void Commands::forget(std::string_view id)
{
    if (const auto it = watches_.find(std::string{id}); it != watches_.end()) it->second.on_final = {};
}

void Commands::outlive(std::string_view id)
{
    if (TaskRecord* task = tasks_.edit(id)) task->patient = true;
}

void Commands::restore(std::vector<TaskRecord> open)
{
    for (TaskRecord& task : open) {
        if (tasks_.add(task)) {
            watch(task, {});
            if (on_began_) on_began_(task);
            continue;
        }
        task.state = TaskState::failed;
        task.code = "BUSY";
        task.message = "The hub restarted with limits too small for its open tasks";
        table_.save(task);
    }
}

// The name of this action in the agent's protocol; the action itself if the agent is not connected.
std::string_view Commands::protocol_name(std::string_view agent, std::string_view action) const
{
    const AgentRecord* there = fanout_.find(agent);
    return there == nullptr ? action : core_.config.words.word(there->protocol, action);
}

void Commands::pump(std::string_view name)
{
    const std::string agent{name}; // the name's owner may be destroyed meanwhile
    std::vector<TaskRecord> dead;
    Tasks::Held held;
    if (mute_.contains(agent)) {
        lanes_.expire(agent, core_.now());
        held = [&](const TaskRecord& task)
                   UNDER_LOCK { return lanes_.holds(agent, protocol_name(agent, task.action), task.id); };
    }
    while (!blocked_.contains(agent) && fanout_.online(agent)) {
        const TaskRecord* task =
            tasks_.next(agent, core_.utc(), dead, mute_.contains(agent) ? 1 : SIZE_MAX, held);
        if (task == nullptr) break;
        if (!redispatch_.contains(agent))
            send(*task, dead);
        else if (!mark(*task))
            break;
    }
    for (const TaskRecord& task : dead) ended(task);
    core_.host.record(Metric::open_tasks, double(tasks_.size()));
}

void Commands::send(const TaskRecord& task, std::vector<TaskRecord>& dead)
{
    if (task.sent > 1) core_.host.record(Metric::resent, 1);
    const std::string agent = task.agent, id = task.id;
    const bool mute = mute_.contains(agent);
    switch (fanout_.send(agent, {.id = id,
                                 .action = task.action,
                                 .params = task.params,
                                 .target = task.target,
                                 .timeout = {},
                                 .exact = core_.config.words.is_run(task.action)})) {
    case Fanout::Sent::taken:
        if (!mute) return;
        lanes_.sent(agent, protocol_name(agent, task.action), id);
        return watch_lane(agent, id, task.sent);
    case Fanout::Sent::gone: return tasks_.not_sent(id);
    case Fanout::Sent::unspeakable:
        if (const auto failed =
                tasks_.fail(id, "INVALID_REQUEST", unspeakable(fanout_, agent, task), core_.utc()))
            dead.push_back(*failed);
    }
}

// For an agent that would run a repeated command twice: records on disk that it was sent before sending it,
// so that it is not sent again after any crash in between. false: nothing can be written now.
bool Commands::mark(const TaskRecord& task)
{
    const std::string id = task.id, agent = task.agent;
    const std::uint64_t mark = ++last_mark_;
    marking_.insert_or_assign(id, mark);
    if (table_.save(task, [this, id, mark](bool ok) {
            core_.strand.run([&]() UNDER_LOCK { marked(id, mark, ok); });
        }))
        return true;
    marking_.erase(id);
    tasks_.not_sent(id);
    block(agent, disk_patience);
    return false;
}

void Commands::marked(const std::string& id, std::uint64_t mark, bool ok)
{
    const auto it = marking_.find(id);
    if (it == marking_.end() || it->second != mark) return; // ended, or its agent disconnected meanwhile
    marking_.erase(it);
    const TaskRecord* task = tasks_.find(id);
    if (task == nullptr) return;
    const std::string agent = task->agent;
    if (!ok || blocked_.contains(agent)) {
        tasks_.not_sent(id);
        table_.save(*task); // with an older number: the last mark is written last
        if (!ok) block(agent, disk_patience);
        return;
    }
    std::vector<TaskRecord> dead;
    send(*task, dead);
    for (const TaskRecord& failed : dead) ended(failed);
    if (!dead.empty()) pump(agent); // its place is free
}

// The agent disconnected before these were sent: they are not adrift.
void Commands::unmark(const std::string& agent)
{
    if (marking_.empty()) return;
    for (const std::string& id : tasks_.of(agent)) {
        if (marking_.erase(id) > 0) tasks_.not_sent(id);
    }
}

void Commands::block(const std::string& agent, std::chrono::milliseconds time)
{
    if (!blocked_.insert(agent).second) return;
    core_.after(time, [this, agent]() UNDER_LOCK { writable(agent); });
}

// Frees the lane of an agent that does not repeat ids if it does not answer a command.
void Commands::watch_lane(const std::string& agent, const std::string& id, int sent)
{
    core_.after(lane_patience, [this, agent, id, sent]() UNDER_LOCK {
        const TaskRecord* task = tasks_.find(id);
        if (task == nullptr || task->sent != sent || !mute_.contains(agent) || !tasks_.strand(id)) return;
        core_.log(AGH_LOG_WARN, "hub: agent " + agent + " has not answered " + task->action + " (" + id +
                                    ") within " + std::to_string(lane_patience.count()) +
                                    " s; its next command is sent");
        pump(agent);
    });
}

// They are not sent again. An answer may still arrive, even in the agent's next session; otherwise their
// outcome is unknown.
void Commands::go_adrift(const std::vector<std::string>& ids)
{
    for (const std::string& id : ids) {
        table_.save(*tasks_.find(id));
        core_.after(core_.config.agent_grace, [this, id]() UNDER_LOCK { end_unknown(id); });
    }
}

void Commands::end_unknown(const std::string& id)
{
    auto task =
        tasks_.fail(id, "INTERRUPTED",
                    "The agent disconnected before it answered, and it keeps no journal: the command may "
                    "or may not have run. It is not sent again",
                    core_.utc());
    if (task == nullptr) return;
    task->state = TaskState::error;
    task->data = outcome_unknown;
    ended(*task);
}

void Commands::ended(const TaskRecord& task)
{
    core_.host.record(task.state == TaskState::success ? Metric::tasks_success
                      : task.state == TaskState::error ? Metric::tasks_error
                                                       : Metric::tasks_failed,
                      1);
    marking_.erase(task.id);
    table_.save(task);
    Final on_final;
    if (const auto it = watches_.find(task.id); it != watches_.end()) {
        on_final = std::move(it->second.on_final);
        core_.timers.cancel(it->second.expiry);
        core_.timers.cancel(it->second.warning);
        watches_.erase(it);
    }
    if (on_ended_) on_ended_(task);
    if (on_final) on_final(task);
}

void Commands::agent_ready(const AgentRecord& agent)
{
    away_since_.erase(agent.id);
    const wire::ProtocolTraits* row = wire::find_traits(agent.protocol);
    if (row != nullptr && !row->answers_repeat_id) mute_.insert(agent.id);
    if (agent.redispatch < Tasks::resends) {
        redispatch_[agent.id] = agent.redispatch;
        const auto ids = tasks_.strand(agent.id, agent.redispatch); // of an earlier process of the hub
        for (const std::string& id : ids) {
            if (mute_.contains(agent.id))
                lanes_.inherited(agent.id, protocol_name(agent.id, tasks_.find(id)->action), id,
                                 core_.now() + core_.config.agent_grace);
        }
        go_adrift(ids);
        if (!ids.empty()) free_lanes_later(agent.id);
    }
    pump(agent.id);
}

void Commands::agent_lost(std::string_view name)
{
    const std::string agent{name};
    blocked_.erase(agent);
    mute_.erase(agent);
    if (lanes_.lost(agent, core_.now() + core_.config.agent_grace)) free_lanes_later(agent);
    unmark(agent);
    const auto limited = redispatch_.extract(agent);
    if (tasks_.open(agent) == 0) return;
    if (limited) {
        tasks_.strand(agent, limited.mapped());
        std::vector<std::string> adrift;
        for (const TaskRecord* task : tasks_.unanswered(agent)) {
            if (task->adrift) adrift.push_back(task->id);
        }
        go_adrift(adrift);
    }
    tasks_.lost(agent, core_.utc());
    for (const std::string& id : tasks_.of(agent)) table_.save(*tasks_.find(id));
    watch_absence(agent);
}

// Frees the names held for an earlier session after the grace period.
void Commands::free_lanes_later(const std::string& agent)
{
    core_.after(core_.config.agent_grace, [this, agent]() UNDER_LOCK {
        lanes_.expire(agent, core_.now());
        pump(agent);
    });
}

void Commands::watch_absence(const std::string& agent)
{
    const auto since = core_.now();
    away_since_[agent] = since;
    core_.timers.at(since + core_.config.agent_grace, [this, agent, since]() UNDER_LOCK {
        const auto it = away_since_.find(agent);
        if (it == away_since_.end() || it->second != since) return; // it reconnected meanwhile
        away_since_.erase(it);
        if (!fanout_.online(agent)) agent_stays_away(agent);
    });
}

// Ends the tasks of connected callers; commands that were answered 202 keep waiting for the agent.
void Commands::agent_stays_away(const std::string& agent)
{
    for (const std::string& id : tasks_.of(agent)) {
        const TaskRecord* task = tasks_.find(id);
        if (task == nullptr || !task->bound || task->patient) continue;
        if (const auto dead =
                tasks_.fail(id, "AGENT_OFFLINE", "The agent disconnected before it answered", core_.utc()))
            ended(*dead);
    }
}

void Commands::too_large(std::string_view agent)
{
    const auto open = tasks_.unanswered(agent);
    const auto in_flight = std::count_if(open.begin(), open.end(), [](const auto* t) { return !t->adrift; });
    if (in_flight != 1) return; // it is unknown which command's message it was
    const TaskRecord* task = open.front();
    TaskRecord outcome;
    outcome.state = TaskState::error;
    outcome.code = wire::code::too_large;
    outcome.message =
        "The command or its answer is larger than the other side accepts: the session ended with 1009 "
        "(plugins.hub.config.message_bytes is " +
        std::to_string(core_.config.message_bytes) + ")";
    outcome.detail = "The agent may have run the command. Request less at a time, or raise "
                     "plugins.hub.config.message_bytes.";
    if (const auto ended_task = tasks_.finish(agent, std::string{task->id}, std::move(outcome), core_.utc()))
        ended(*ended_task);
}

void Commands::agent_revoked(std::string_view agent)
{
    lanes_.forget(agent);
    for (const std::string& id : tasks_.of(agent)) {
        if (const auto dead = tasks_.fail(id, "AGENT_NOT_FOUND", "The agent was revoked", core_.utc()))
            ended(*dead);
    }
}

void Commands::writable(std::string_view agent)
{
    if (blocked_.erase(std::string{agent}) > 0) pump(agent);
}

void Commands::not_taken(std::string_view name, std::string_view id)
{
    const std::string agent{name};
    tasks_.not_sent(id);
    lanes_.not_sent(agent, id);
    const TaskRecord* task = tasks_.find(id);
    if (task != nullptr && redispatch_.contains(agent)) table_.save(*task); // its row recorded it as sent
    block(agent, blocked_for);
}

// An answer without an id belongs to the only unanswered command with its name (lanes.hpp). An answer without
// a name counts only if the command in flight is the only unanswered one.
std::string Commands::id_of(std::string_view name, const wire::Result& result)
{
    const std::string agent{name};
    if (!result.id.empty()) {
        if (mute_.erase(agent) > 0) lanes_.forget(agent);
        return std::string{result.id};
    }
    if (mute_.contains(agent)) {
        if (!result.action.empty()) return lanes_.answered(agent, result.action);
        const std::string id = lanes_.only(agent);
        const TaskRecord* task = tasks_.find(id);
        if (task == nullptr || task->adrift) return {};
        lanes_.not_sent(agent, id);
        return id;
    }
    return {}; // it repeats ids, so this does not answer its current command
}

void Commands::result(std::string_view agent, const wire::Result& result)
{
    TaskRecord outcome;
    const bool success = result.outcome == wire::Outcome::success;
    outcome.state = success ? TaskState::success : TaskState::error;
    outcome.data = success ? result.data : result.error.data;
    outcome.code = result.error.code;
    outcome.message = result.error.message;
    outcome.detail = result.error.detail;
    if (const auto task = tasks_.finish(agent, id_of(agent, result), std::move(outcome), core_.utc()))
        ended(*task);
    pump(agent);
}

void Commands::progress(std::string_view agent, std::string_view id)
{
    tasks_.progress(agent, id, core_.utc());
}

} // namespace agenthost::hub
