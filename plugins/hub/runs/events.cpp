#include "events.hpp"

#include "base/json_writer.hpp"
#include "messages.hpp"

#include "wire/codes.hpp"

#include <memory>
#include <utility>

namespace agenthost::hub {

namespace {
// A command that prints faster than its past output can be fetched gets a gap then.
constexpr int max_rounds = 5;
} // namespace

// ---- states ----

void RunEvents::turn(RunEntry& e, RunState state)
{
    e.run.state = state;
    control_.turned(e.run);
    watchers_.status(e.run);
}

void RunEvents::began(const TaskRecord& task)
{
    if (!core_.config.action_words.is_run(task.action)) return;
    RunEntry* e = table_.find(task.id) == nullptr ? table_.add(begin_run(task)) : nullptr;
    if (e == nullptr) return;
    e->sent = task.sent > 0; // in an earlier process
    turn(*e, RunState::queued);
}

void RunEvents::progress(std::string_view agent, const wire::Progress& progress)
{
    RunEntry* e = table_.entry(progress.id);
    if (e == nullptr || e->run.agent != agent || e->run.over()) return;
    e->sent = true;
    const auto reported = read_progress(progress.json);
    if (!reported || e->run.state != RunState::queued) return;
    if (reported->position) e->run.position = *reported->position;
    if (!reported->running) return;
    e->run.started = core_.utc();
    e->run.position = 0;
    turn(*e, RunState::running);
}

void RunEvents::ended(const TaskRecord& task)
{
    RunEntry* e = table_.entry(task.id);
    if (e == nullptr || e->run.over()) return;
    if (e->replay.empty()) return finish(*e, task);
    e->end = std::make_unique<TaskRecord>(task); // its last output is on the way
}

void RunEvents::finish(RunEntry& e, const TaskRecord& task)
{
    const RunEnd end = end_run(e.run, task);
    report_gap(e, end.printed);
    e.run.ended = core_.utc();
    e.run.position = 0;
    const std::string id = e.run.id;
    turn(e, end.state);
    table_.retire(id);
}

// Reports the end of the output that never arrived: beyond max_output, or more than the agent kept while it
// was disconnected.
void RunEvents::report_gap(RunEntry& e, std::uint64_t printed)
{
    const std::uint64_t received = e.channels.received();
    if (printed <= received || e.run.output.end() == 0) return;
    watchers_.output(e.run, table_.append(e, 1, printed - received, {}));
}

// ---- output ----

void RunEvents::stream(std::string_view agent, const wire::Stream& s)
{
    if (s.channel != 1 && s.channel != 2) return;
    const auto replay = replays_.find(s.id);
    RunEntry* e = table_.entry(replay == replays_.end() ? s.id : std::string_view{replay->second});
    if (e == nullptr || e->run.agent != agent || e->run.over()) return;
    const bool early = !e->replay.empty() && s.offset > e->channels.next(s.channel);
    if (replay == replays_.end() && early) return e->channels.hold(s.channel, s.offset, s.bytes, max_held);
    take(*e, s.channel, s.offset, s.bytes);
}

void RunEvents::take(RunEntry& e, std::uint32_t channel, std::uint64_t offset, std::string_view bytes)
{
    const auto piece = e.channels.take(channel, offset, bytes);
    if (!piece) return;
    if (e.run.state == RunState::queued) { // an agent that did not report the start
        e.run.started = core_.utc();
        turn(e, RunState::running);
    }
    watchers_.output(e.run, table_.append(e, channel, piece->missing, piece->bytes));
}

void RunEvents::event(std::string_view agent, const wire::Event& event)
{
    if (const auto queue = read_queue(event)) return watchers_.queue(agent, *queue);
    const auto output = read_output(event);
    const RunEntry* e = output ? table_.entry(output->run) : nullptr;
    if (e == nullptr) return;
    stream(agent, {.id = e->run.id,
                   .channel = output->channel,
                   .offset = output->offset.value_or(e->channels.next(output->channel)),
                   .bytes = output->bytes});
}

// ---- output that was missed while the agent was disconnected ----

void RunEvents::agent_ready(const AgentRecord& agent)
{
    if (!carries_output(agent)) return;
    for (const std::string& id : table_.open_of(agent.id)) {
        RunEntry* e = table_.entry(id);
        if (e == nullptr || e->run.over() || !e->sent || !e->replay.empty()) continue;
        e->rounds = 0;
        fetch(*e);
    }
}

void RunEvents::agent_lost(std::string_view agent)
{
    for (const std::string& id : table_.open_of(agent))
        table_.entry(id)->sent = true; // perhaps: then its next session is asked
}

void RunEvents::agent_revoked(std::string_view agent)
{
    for (const std::string& id : table_.open_of(agent)) settle(id);
}

void RunEvents::fetch(RunEntry& e)
{
    ++e.rounds;
    const std::string id = e.run.id;
    const std::string params = base::json_object("commandId", id, "offset", e.channels.next(1),
                                                 "stderr_offset", e.channels.next(2), "follow", false);
    const auto answered = std::make_shared<bool>(false);
    const std::string request = requests_.ask(e.run.agent, "terminal.attach", params,
                                              [this, id, answered](const Requests::Answer& a) UNDER_LOCK {
                                                  *answered = true;
                                                  fetched(id, a);
                                              });
    if (*answered) return;
    e.replay = request;
    replays_.emplace(request, id);
}

void RunEvents::fetched(const std::string& id, const Requests::Answer& answer)
{
    RunEntry* e = table_.entry(id);
    if (e == nullptr) return;
    replays_.erase(std::exchange(e->replay, {}));
    // An agent without terminal.attach counts from its new session on.
    if (answer.code == wire::code::unknown_action) e->channels.rebase();
    const bool broke = answer.code == wire::code::agent_offline;
    const auto held = e->channels.release();
    const bool overflowed = e->channels.overflowed();
    // After a broken session, held pieces follow a gap: the next session brings both.
    for (const RunChannels::Held& h : held) {
        if (!broke) take(*e, h.channel, h.offset, h.bytes);
    }
    if (overflowed && answer.ok && e->rounds < max_rounds) fetch(*e);
    if (!e->replay.empty() || !e->end) return;
    if (!broke) return settle(id);
    // Its next session may have the rest.
    core_.after(core_.config.agent_grace, [this, id]() UNDER_LOCK { settle(id); });
}

// Ends a run whose end waited for its last output, unless that is being fetched again.
void RunEvents::settle(const std::string& id)
{
    RunEntry* e = table_.entry(id);
    if (e == nullptr || !e->end || !e->replay.empty()) return;
    const auto end = std::move(e->end);
    finish(*e, *end);
}

} // namespace agenthost::hub
